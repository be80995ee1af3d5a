// Package chaos causes faults at random around a pipeline that reads growing files, and
// checks afterwards that every row is stored or rejected exactly once.
package chaos

import (
	"os"
	"testing"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
