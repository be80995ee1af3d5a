.PHONY: build test race fuzz lint docs demo bench ci compose-up compose-down

build: ## build ./connect
	go build ./cmd/connect

test: ## run all tests on a throwaway PostgreSQL
	go test ./...

race: ## run all tests with the race detector
	go test -race ./...

fuzz: ## run each fuzz test for half a minute
	.ci/run fuzz

lint: ## run the linters of CI
	.ci/run format vet lint

docs: ## regenerate docs/plugins from the specs
	go run ./internal/docsgen

demo: ## run generator, pipeline and PostgreSQL until Ctrl-C
	go run ./cmd/connect demo

bench: ## run every benchmark once
	go test -run '^$$' -bench . -benchmem ./...

ci: ## run everything that must pass before a merge
	.ci/run

compose-up: ## run generator, pipeline and PostgreSQL in containers
	docker compose up --build

compose-down: ## stop the containers; the data stays
	docker compose down
