package badinput

// statusCases are refused by the operator, because they depend on other objects. The suite that runs them says which
// objects those are.
func statusCases() []Case {
	return nil
}
