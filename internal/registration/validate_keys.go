package registration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
)

// Validate implements [Document].
func (d *Keys) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	if len(d.Signing) > MaxSigningKeys {
		p.addf("signing", "must have at most %d entries", MaxSigningKeys)
		return p.join()
	}
	ids, active := map[string]bool{}, map[string]bool{}
	for i := range d.Signing {
		k := &d.Signing[i]
		field := fmt.Sprintf("signing[%d]", i)
		if k.ID == "" || len(k.ID) > 64 || ids[k.ID] {
			p.addf(field+".id", "must be unique and have 1 to 64 characters")
		}
		ids[k.ID] = true
		p.add(field+".pkcs8", checkSigningKey(k))
		switch k.State {
		case KeyActive:
			if active[k.Algorithm] {
				p.addf(field+".state", "must be %s for one %s key only", KeyActive, k.Algorithm)
			}
			active[k.Algorithm] = true
		case KeyNext, KeyRetired:
		default:
			p.addValue(field+".state", string(k.State), fmt.Errorf("must be %s, %s or %s", KeyNext, KeyActive, KeyRetired))
		}
	}
	symmetric(&p, "sealing", d.Sealing, MaxSymmetricKeys)
	symmetric(&p, "derivation", d.Derivation, MaxSymmetricKeys)
	if len(d.AtRest) > 0 { // sets that are older than these keys have none until they are looked at again
		symmetric(&p, "atRest", d.AtRest, MaxAtRestKeys)
	}
	return p.join()
}

// checkSigningKey parses the private key. What crypto/x509 says is left out: it speaks about secret bytes.
func checkSigningKey(k *SigningKey) error {
	key, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
	if err != nil {
		return errors.New("must be a private key in PKCS #8")
	}
	switch k.Algorithm {
	case AlgorithmES256:
		if ec, ok := key.(*ecdsa.PrivateKey); !ok || ec.Curve != elliptic.P256() {
			return errors.New("must be a P-256 key for ES256")
		}
	case AlgorithmRS256:
		if r, ok := key.(*rsa.PrivateKey); !ok || r.N.BitLen() < 2048 || r.N.BitLen() > 4096 {
			return errors.New("must be an RSA key of 2048 to 4096 bits for RS256")
		}
	default:
		return fmt.Errorf("algorithm must be %s or %s", AlgorithmES256, AlgorithmRS256)
	}
	return nil
}

func symmetric(p *problems, field string, keys []SymmetricKey, limit int) {
	if len(keys) == 0 || len(keys) > limit {
		p.addf(field, "must have 1 to %d entries", limit)
		return
	}
	ids := map[string]bool{}
	for i, k := range keys {
		entry := fmt.Sprintf("%s[%d]", field, i)
		if k.ID == "" || len(k.ID) > 64 || ids[k.ID] {
			p.addf(entry+".id", "must be unique and have 1 to 64 characters")
		}
		ids[k.ID] = true
		if len(k.Key) != 32 {
			p.addf(entry+".key", "must be 32 bytes")
		}
	}
}
