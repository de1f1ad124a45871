package oauthclient

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// staged remembers the secrets that were made for a rotation and that nobody has yet, for the moment until every replica honours
// them. A process that forgets one has another made in its place. Its zero value is ready for use, also concurrently.
type staged struct {
	mu     sync.Mutex
	values map[types.NamespacedName]stagedValue
}

type stagedValue struct {
	client types.UID
	value  string
}

func (s *staged) get(name types.NamespacedName, client types.UID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.values[name]; v.client == client {
		return v.value
	}
	return ""
}

// set remembers a value; an empty one forgets.
func (s *staged) set(name types.NamespacedName, client types.UID, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == "" {
		delete(s.values, name)
		return
	}
	if s.values == nil {
		s.values = map[types.NamespacedName]stagedValue{}
	}
	s.values[name] = stagedValue{client, value}
}
