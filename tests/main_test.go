// Package tests runs the built program as a user would, with a real PostgreSQL, the
// shipped configs, real folders and real signals. It tests what the components
// guarantee together; each component's own tests are beside it. Each file tells one
// kind of story; rig has what they all need.
package tests

import (
	"os"
	"testing"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
