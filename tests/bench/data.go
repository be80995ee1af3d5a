//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
)

// dataset is what is loaded: files and the table that they fit.
type dataset struct {
	name     string
	columns  string   // of the table, in the order of the files; %key is what event_id is
	nullable []string // columns with empty cells
}

// reference has random version 4 ids, the least kind order for a primary key's
// index.
var reference = dataset{name: "reference", columns: `event_id uuid %key,
	user_id uuid NOT NULL,
	event_type text NOT NULL,
	product_id text,
	product_name text,
	price numeric(10, 2),
	timestamp timestamptz NOT NULL`}

// shop is what ecommerce_events makes: all the ways to write a timestamp, and
// time-ordered ids.
var shop = dataset{name: "shop", columns: `event_id uuid %key,
	user_id bigint NOT NULL,
	session_id uuid,
	event_type text NOT NULL,
	product_id bigint,
	product_name text,
	category text,
	price numeric(12, 2),
	quantity integer,
	timestamp timestamptz NOT NULL`, nullable: []string{"price", "quantity"}}

// names are the columns' names.
func (d dataset) names() []string {
	var names []string
	for line := range strings.SplitSeq(d.columns, ",\n") {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}

var (
	eventTypes = []string{"View", "view", "ADD_TO_CART", "add_to_cart", "Purchase", "remove_from_cart"}
	adjectives = []string{"Small", "Fancy", "Plain", "Royal", "Sturdy", "Gentle", "Quiet", "Bright"}
	nouns      = []string{"Lamp", "Chair", "Kettle", "Notebook", "Umbrella", "Jacket", "Bicycle", "Teapot"}
)

// references writes the same rows again for the same seed, as one file, as two
// and as eight, below dir.
func references(dir string, rows int, seed uint64) (one string, two, eight []string, err error) {
	for _, parts := range []int{1, 2, 8} {
		paths, err := split(filepath.Join(dir, fmt.Sprintf("reference-%d", parts)), rows, parts, seed)
		if err != nil {
			return "", nil, nil, err
		}
		switch parts {
		case 1:
			one = paths[0]
		case 2:
			two = paths
		default:
			eight = paths
		}
	}
	return one, two, eight, nil
}

func split(dir string, rows, parts int, seed uint64) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the data's directory: %w", err)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	paths := make([]string, parts)
	for i := range parts {
		paths[i] = filepath.Join(dir, fmt.Sprintf("part-%d.csv", i+1))
		n := rows*(i+1)/parts - rows*i/parts
		if err := writeReference(paths[i], n, random); err != nil {
			return nil, fmt.Errorf("writing %s: %w", paths[i], err)
		}
	}
	return paths, nil
}

func writeReference(path string, rows int, random *rand.Rand) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	if _, err := io.WriteString(w, strings.Join(reference.names(), ",")+"\n"); err != nil {
		return err
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		product := random.IntN(10_000)
		_, err := fmt.Fprintf(w, "%s,%s,%s,P%05d,%s %s,%d.%02d,%s\n",
			randomID(random), randomID(random), eventTypes[random.IntN(len(eventTypes))],
			product, adjectives[product%len(adjectives)], nouns[product/8%len(nouns)],
			random.IntN(900)+1, random.IntN(100),
			start.Add(time.Duration(i)*7*time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
		if err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}

func randomID(random *rand.Rand) uuid.UUID {
	var id uuid.UUID
	for i := 0; i < 16; i += 8 {
		n := random.Uint64()
		for j := range 8 {
			id[i+j] = byte(n >> (8 * j))
		}
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// shopParts is how many files the shop writes.
const shopParts = 8

// rowsOfPart is how many events each of the shop's files has, but the last, which
// has the rest.
func rowsOfPart(rows int) int { return (rows + shopParts - 1) / shopParts }

// shopFiles has the simulated shop write as many events into eight files.
func shopFiles(ctx context.Context, connect, dir string, rows int, seed uint64) ([]string, error) {
	dir = filepath.Join(dir, "shop")
	path := filepath.Join(filepath.Dir(dir), "shop.yaml")
	yaml := fmt.Sprintf(shopPipeline, rows, rowsOfPart(rows), seed, dir, strings.Join(shop.names(), ", "))
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		return nil, fmt.Errorf("writing the shop's pipeline: %w", err)
	}
	cmd := exec.CommandContext(ctx, connect, "run", path)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("writing the shop's files: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err == nil && len(files) != shopParts {
		err = fmt.Errorf("the shop wrote %d files in place of %d", len(files), shopParts)
	}
	return files, err
}

const shopPipeline = `
http:
  enabled: false
input:
  ecommerce_events:
    interval: 0s
    count: %d
    batch_size: %d
    seed: %d
    start_time: "2026-01-01T00:00:00Z"
output:
  csv_files:
    path: %s/part-${! count("files") }.csv
    columns: [ %s ]
logger:
  level: WARN
`
