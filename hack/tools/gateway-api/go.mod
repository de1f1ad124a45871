// The CustomResourceDefinitions of the Gateway API that tests install. They are files of the module; nothing of it is built.
module github.com/grantkeeper/grantkeeper/hack/tools/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.3
