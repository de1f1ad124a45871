// Command operator runs the controllers of Grantkeeper in a cluster: flags, logs, a manager with leader election, health
// and metrics. It holds no logic; that is in controllers.
package main
