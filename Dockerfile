# The image of Huemill: a distroless image with the binary, which runs as a user without a name, a shell or a writable
# root. docs/deploy.md says how to build and run it; tests/packages/ lints this file and builds and runs its last stage.
#
# Both base images are pinned by digest. `docker buildx imagetools inspect IMAGE:TAG` prints the digest of a newer one;
# change tag and digest together. --build-arg replaces them for one build, for example with a mirror.

# The large variant has the C compiler and the make that jemalloc, SQLite and ring are built with: nothing is installed.
# The image's compiler is used: .dockerignore leaves out rust-toolchain.toml, for which rustup would download another.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1
# glibc, libgcc and the certificates of authorities, of the same Debian release as the builder.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f

FROM ${RUST_IMAGE} AS toolchain
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7
WORKDIR /huemill

# What the dependencies depend on. The layers below are built again only when this changes.
FROM toolchain AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM toolchain AS build
COPY --from=plan /huemill/recipe.json .
RUN cargo chef cook --profile dist --locked --recipe-path recipe.json
COPY . .
# cargo-auditable puts the list of dependencies into the binary, where scanners of images (Trivy, Grype) look for it.
RUN cargo auditable build --profile dist --locked \
    && install -D --mode=0755 target/dist/huemill /out/system/usr/bin/huemill \
    && install -D --mode=0644 --target-directory=/out/system/usr/share/doc/huemill LICENSE-* \
    && install -D --mode=0700 --directory /out/state/huemill

FROM ${RUNTIME_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Huemill" \
    org.opencontainers.image.description="Pictures into colour palettes, smart crops and social cards." \
    org.opencontainers.image.licenses="(MIT OR Apache-2.0) AND BSD-2-Clause" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/system/ /
# The folder, and not its contents alone: a new volume gets its owner and mode from it.
COPY --from=build --chown=65532:65532 /out/state/ /var/lib/
# Everything that is written goes below DATA_DIR: database, blobs and uploads by the service itself, and what SQLite sorts
# on disk by the last variable. The root can be read-only, without a tmpfs.
ENV HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/var/lib/huemill \
    SQLITE_TMPDIR=/var/lib/huemill
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /var/lib/huemill
VOLUME /var/lib/huemill
EXPOSE 8080
# Longer than the 4 seconds that the command waits for /ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/bin/huemill", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/huemill"]
CMD ["serve"]
