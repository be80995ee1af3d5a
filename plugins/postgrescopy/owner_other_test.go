//go:build !unix

package postgrescopy

import "testing"

func sameOwner(*testing.T, string, ...string) {}
