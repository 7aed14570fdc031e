# syntax=docker/dockerfile:1
# The controller, for the machine that it is built on, or with buildx for both: --platform linux/amd64,linux/arm64.
# `--target simulator` builds the simulated cloud instead.
#
# The two arguments name a stage of this file or an image of a registry; engines leave out the stages that are not needed.
#
# BASE is what the program lies on. `system` begins FROM scratch, with the libraries that the program was linked with, certificates of
# authorities, and time zones. Instead, an image with glibc, libgcc and certificates: --build-arg BASE=gcr.io/distroless/cc-debian13:nonroot
# PROGRAMS is where the programs come from. `build` compiles the source tree. `prepared` takes a folder that tools/image-files made: so
# tools/image builds without a registry, and from a program that was compiled for another architecture.
# checkov:skip=CKV_DOCKER_2: nothing in the image could ask for health; the probes of the Deployment do.
# checkov:skip=CKV_DOCKER_7: the base is an argument, which names a stage.
ARG BASE=system
ARG PROGRAMS=build

FROM rust:1.95-slim-trixie AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin direct-access-controller --bin clb-simulator \
 && tools/image-files /image target/release/direct-access-controller target/release/clb-simulator

FROM scratch AS prepared
COPY . /image/

FROM ${PROGRAMS} AS programs

FROM scratch AS system
COPY --from=programs /image/system/ /

FROM ${BASE} AS simulator
COPY --from=programs /image/clb-simulator/ /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/clb-simulator"]

# The last one is what is built when nothing else is said.
FROM ${BASE} AS controller
COPY --from=programs /image/direct-access-controller/ /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/direct-access-controller"]
