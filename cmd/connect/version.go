package main

import "runtime/debug"

// Set by release builds: -ldflags "-X main.version=1.2.3 -X main.date=2026-01-02".
var version, date string

// buildVersion is the version of a release, else what the Go toolchain knows of
// the source that was built.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// buildDate is when a release was built, else when its source was committed.
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
