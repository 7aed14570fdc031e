# syntax=docker/dockerfile:1
# Builds for the machine that it is built on (amd64, arm64). The program runs as nobody and writes nothing.
FROM rust:1.95-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin direct-access-controller

FROM debian:stable-slim
COPY --from=build /source/target/release/direct-access-controller /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/direct-access-controller"]
