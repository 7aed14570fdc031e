# syntax=docker/dockerfile:1
# The controller, for the machine that it is built on, or with buildx for both: --platform linux/amd64,linux/arm64.
# `--target simulator` builds the simulated cloud instead.

# An image with glibc, libgcc and certificates of authorities, and nothing else. Where this one is not reached, name one that is:
# --build-arg BASE=<registry>/<image>
# checkov:skip=CKV_DOCKER_2: nothing in the base could ask for health; the probes of the Deployment do.
# checkov:skip=CKV_DOCKER_7: the base is an argument, which has a tag.
ARG BASE=gcr.io/distroless/cc-debian13:nonroot

FROM rust:1.95-slim-trixie AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin direct-access-controller --bin clb-simulator

FROM ${BASE} AS simulator
COPY --from=build /source/target/release/clb-simulator /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/clb-simulator"]

# The last one is what is built when nothing else is said.
FROM ${BASE} AS controller
COPY --from=build /source/target/release/direct-access-controller /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/direct-access-controller"]
