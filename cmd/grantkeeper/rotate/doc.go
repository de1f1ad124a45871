// Package rotate is `grantkeeper rotate`: a new client secret for one OAuthClient, on demand.
//
// It owns asking and telling: it sets the annotations that the operator acts on (v1alpha1.AnnotationRotate), waits for what status
// says, and puts that into words. It never sees a secret.
package rotate
