// Package attacks plays an app team that tries to get more than it is given: on a real kube-apiserver with config/default as it is
// shipped, with the real operator and server, each as its own ServiceAccount. Every way is one row of docs/reference/attacks.md,
// which the test prints: who refuses it, and what one reads.
//
// It owns that table, and what is looked at after each way: whether anything was gained, or anybody harmed. Each refusal is tested in full
// where it is made; whoever took the operator's or the server's pod over is played in test/guards.
package attacks
