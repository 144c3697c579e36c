# A static binary, the certificates to reach a cloud with, and nothing else:
#
#   docker build -t andon .
#   docker run --rm -v ~/.aws:/home/andon/.aws:ro andon audit
#   docker run --rm -v "$PWD/examples:/examples:ro" andon audit --replay /examples/toyota

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The Makefile knows the tags that keep the binary small, and CGO_ENABLED=0.
RUN make build

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/andon /andon
# Nobody in particular. Configuration is looked for in HOME, reports are written
# to the working directory: mount what you need.
USER 65532:65532
ENV HOME=/home/andon
WORKDIR /reports
ENTRYPOINT ["/andon"]
