package main

import "runtime/debug"

// Set by release builds: -ldflags "-X main.version=1.2.3 -X main.date=2026-01-02".
var version, date string

// buildVersion returns the version of a release, or else the module version that
// the Go toolchain recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// buildDate returns the date of a release, or else of the commit.
func buildDate() string {
	if date != "" {
		return date
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.time" {
				return setting.Value
			}
		}
	}
	return "unknown"
}
