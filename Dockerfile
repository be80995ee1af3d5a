# The connect binary and the shipped pipelines, run by an unprivileged user on an
# image with little more than a shell and wget (for health checks).
#
# It uses only what the classic builder knows, for docker-compose 1.29. Both base
# images can be replaced, for instance by those of a mirror:
#
#   docker build --build-arg GO_IMAGE=... --build-arg RUN_IMAGE=... .
ARG GO_IMAGE=golang:1.26-alpine
ARG RUN_IMAGE=busybox:1.37-musl

FROM ${GO_IMAGE} AS build
WORKDIR /src
# Downloads a newer toolchain if the image is older than go.mod requires.
ENV GOTOOLCHAIN=auto
# The module proxy; empty is Go's default.
ARG GOPROXY
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Shown by connect --version.
ARG VERSION
ARG DATE
# timetzdata: mappings may name time zones, which the final image does not have.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags timetzdata \
      -ldflags "-s -w -X main.version=${VERSION} -X main.date=${DATE}" \
      -o /out/connect ./cmd/connect
# The folders of the repository, so that the same commands work in the container,
# and readable for everyone whatever the umask of the clone.
RUN mkdir -p /out/connect-home/data/events /out/connect-home/data/state \
 && cp -R config sql /out/connect-home/ \
 && chmod -R a+rX /out/connect-home

FROM ${RUN_IMAGE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/connect /usr/local/bin/connect
COPY --from=build --chown=1000:1000 /out/connect-home /connect
WORKDIR /connect
# A number, so that Kubernetes can verify that it is not root.
USER 1000:1000
# The live page, and /metrics and /ready, if LIVE_ADDRESS and HTTP_ADDRESS are not
# loopback addresses.
EXPOSE 4194 4195
# Which source this image was built from.
ARG VERSION
ARG REVISION
ARG DATE
LABEL org.opencontainers.image.title="connect" \
      org.opencontainers.image.description="CSV files of shop events into PostgreSQL, each row once" \
      org.opencontainers.image.source="https://github.com/ecommerce-ingest/connect" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${DATE}"
ENTRYPOINT ["/usr/local/bin/connect"]
CMD ["-c", "config/pipeline.yaml"]
