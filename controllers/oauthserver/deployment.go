package oauthserver

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

const (
	// nobody is the user and group that the image runs as.
	nobody = 65532
	// drainSeconds is how long a replica has from the signal to the end: readiness goes off first, requests under way are
	// answered, and only then the listener closes. The server does that itself, without a preStop hook.
	drainSeconds = 30
	// tokenSeconds is how long the projected token lives before the kubelet renews it; what Kubernetes itself projects.
	tokenSeconds = 3607
	// tokenPath is where clients of the API look for their token.
	tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount" //nolint:gosec // a path, no credential
	container = "server"
)

// deployment runs a server's one replica on its volume. SQLite has one writer, so that the old replica ends before the
// new one starts.
func deployment(s *v1alpha1.OAuthServer, image string) *appsv1ac.DeploymentApplyConfiguration {
	return appsv1ac.Deployment(workloadName(s.Name), s.Namespace).
		WithLabels(labels(s)).WithOwnerReferences(owner(s)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithReplicas(1).
			WithStrategy(appsv1ac.DeploymentStrategy().WithType(appsv1.RecreateDeploymentStrategyType)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector(s))).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(labels(s)).WithSpec(podSpec(s, image))))
}

// podSpec meets the restricted pod security standard (K15).
func podSpec(s *v1alpha1.OAuthServer, image string) *corev1ac.PodSpecApplyConfiguration {
	name := workloadName(s.Name)
	return corev1ac.PodSpec().
		WithServiceAccountName(name).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(drainSeconds).
		WithSecurityContext(corev1ac.PodSecurityContext().
			WithRunAsNonRoot(true).WithRunAsUser(nobody).WithRunAsGroup(nobody).WithFSGroup(nobody).
			WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(serverContainer(s, image)).
		WithVolumes(
			corev1ac.Volume().WithName("data").
				WithPersistentVolumeClaim(corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(name)),
			// SQLite sorts what does not fit in memory in a file.
			corev1ac.Volume().WithName("tmp").WithEmptyDir(corev1ac.EmptyDirVolumeSource().WithSizeLimit(resource.MustParse("64Mi"))),
			tokenVolume(),
		)
}

func serverContainer(s *v1alpha1.OAuthServer, image string) *corev1ac.ContainerApplyConfiguration {
	return corev1ac.Container().
		WithName(container).
		WithImage(image).
		WithArgs(arguments(s)...).
		WithEnv(fromPod("POD_NAME", "metadata.name"), fromPod("POD_UID", "metadata.uid")).
		WithPorts(
			corev1ac.ContainerPort().WithName("http").WithContainerPort(httpPort).WithProtocol(corev1.ProtocolTCP),
			corev1ac.ContainerPort().WithName("metrics").WithContainerPort(operationsPort).WithProtocol(corev1.ProtocolTCP),
		).
		WithStartupProbe(probe("/healthz").WithPeriodSeconds(1).WithFailureThreshold(60)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10).WithFailureThreshold(3)).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2).WithFailureThreshold(1)).
		WithResources(corev1ac.ResourceRequirements().
			WithRequests(corev1.ResourceList{
				corev1.ResourceCPU:    resource.MustParse("50m"),
				corev1.ResourceMemory: resource.MustParse("64Mi"),
			}).
			WithLimits(corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")})).
		WithSecurityContext(corev1ac.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName("data").WithMountPath("/data"),
			corev1ac.VolumeMount().WithName("tmp").WithMountPath("/tmp"),
			corev1ac.VolumeMount().WithName("token").WithMountPath(tokenPath).WithReadOnly(true),
		)
}

// arguments of the server's command.
func arguments(s *v1alpha1.OAuthServer) []string {
	args := []string{
		"--namespace=" + s.Namespace,
		"--server=" + s.Name,
		"--replica=$(POD_NAME)",
		"--pod-uid=$(POD_UID)",
		"--sqlite=/data/grantkeeper.db",
		fmt.Sprintf("--listen=:%d", httpPort),
		fmt.Sprintf("--operations=:%d", operationsPort),
	}
	if l := s.Spec.BackChannelLogout; l != nil && l.AllowPrivateAddresses {
		args = append(args, "--private-logouts")
	}
	return args
}

// fromPod is an environment variable with a field of the pod.
func fromPod(name, field string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath(field)))
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithTimeoutSeconds(2).
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString("metrics")))
}

// tokenVolume projects what a client of the API needs where it looks for it, and nothing else.
func tokenVolume() *corev1ac.VolumeApplyConfiguration {
	item := func(key string) *corev1ac.KeyToPathApplyConfiguration {
		return corev1ac.KeyToPath().WithKey(key).WithPath(key)
	}
	return corev1ac.Volume().WithName("token").WithProjected(corev1ac.ProjectedVolumeSource().
		WithDefaultMode(0o440).
		WithSources(
			corev1ac.VolumeProjection().WithServiceAccountToken(corev1ac.ServiceAccountTokenProjection().
				WithExpirationSeconds(tokenSeconds).WithPath("token")),
			corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
				WithName("kube-root-ca.crt").WithItems(item("ca.crt"))),
			corev1ac.VolumeProjection().WithDownwardAPI(corev1ac.DownwardAPIProjection().
				WithItems(corev1ac.DownwardAPIVolumeFile().WithPath("namespace").WithFieldRef(
					corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath("metadata.namespace")))),
		))
}
