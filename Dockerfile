# The connect binary with the shipped pipelines, on an image that has little more
# than a shell and wget (for health checks), run by an unprivileged user.
#
# It says nothing that the classic builder does not know: docker-compose 1.29
# may use it. Both base images can be exchanged, say for a mirror's:
#
#   docker build --build-arg GO_IMAGE=... --build-arg RUN_IMAGE=... .
ARG GO_IMAGE=golang:1.26-alpine
ARG RUN_IMAGE=busybox:1.37-musl

FROM ${GO_IMAGE} AS build
WORKDIR /src
# An image that is older than go.mod asks for fetches the newer toolchain.
ENV GOTOOLCHAIN=auto
# Where modules come from; empty is Go's own default.
ARG GOPROXY
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Shown by connect --version.
ARG VERSION
ARG DATE
# timetzdata: mappings may name time zones, and the final image has no database of them.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags timetzdata \
      -ldflags "-s -w -X main.version=${VERSION} -X main.date=${DATE}" \
      -o /out/connect ./cmd/connect
# The folders as the repository has them, so that the same commands work inside.
# Readable for all, whatever the umask of the person who cloned it.
RUN mkdir -p /out/house/data/events /out/house/data/state \
 && cp -R config sql /out/house/ \
 && chmod -R a+rX /out/house

FROM ${RUN_IMAGE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/connect /usr/local/bin/connect
COPY --from=build --chown=1000:1000 /out/house /connect
WORKDIR /connect
# A number, so that Kubernetes too can see that it is not root.
USER 1000:1000
# /metrics and /ready, once HTTP_ADDRESS lets them listen outside of the container.
EXPOSE 4195
ENTRYPOINT ["/usr/local/bin/connect"]
CMD ["-c", "config/pipeline.yaml"]
