// Package version says what was built. It owns nothing but that one string.
package version

import "runtime/debug"

// String is the module's version, or the commit of a build from a working tree; "unknown" when the build recorded neither.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	var commit, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				modified = " (modified)"
			}
		}
	}
	if commit == "" {
		return "unknown"
	}
	return commit + modified
}
