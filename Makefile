.PHONY: build test race fuzz lint docs demo bench ci compose-up compose-down

build: ## the binary, ./connect
	go build ./cmd/connect

test: ## all tests, on a PostgreSQL of their own
	go test ./...

race: ## the same with the race detector
	go test -race ./...

fuzz: ## new inputs for each fuzz test
	.ci/run fuzz

lint: ## the linters of CI, and its settings
	.ci/run format vet lint

docs: ## docs/plugins, from the specs
	go run ./internal/docsgen

demo: ## shop, files, pipeline and PostgreSQL in one process, until Ctrl-C
	go run ./cmd/connect demo

bench: ## every benchmark once
	go test -run '^$$' -bench . -benchmem ./...

ci: ## what must pass before a change lands
	.ci/run

compose-up: ## shop, pipeline and PostgreSQL in containers
	docker compose up --build

compose-down: ## stop them; what was stored stays
	docker compose down
