// Package compose tests docker-compose.yml and the Dockerfile without a container
// engine. It uses the loader of docker compose itself, and checks what neither
// `docker compose config` nor a Dockerfile linter does: that the paths, ports and
// variables in these files agree with each other and with the repository.
package compose

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the repository's root, relative to this package.
const root = "../.."

// lasting are the services that keep running; prepare ends.
var lasting = []string{"postgres", "generator", "pipeline"}

// load reads the file as docker compose does, with these environment variables.
func load(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions(
		[]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithName("shop"),
		cli.WithEnv(env),
		cli.WithDefaultProfiles(), // COMPOSE_PROFILES
		cli.WithDiscardEnvFile,
	)
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

func TestTheServicesLoad(t *testing.T) {
	t.Parallel()
	names := load(t).ServiceNames()
	assert.ElementsMatch(t, append([]string{"prepare"}, lasting...), names)
}

// The profile brings what looks at the pipeline: it is provisioned from deploy/,
// and its images come from mirrors too.
func TestTheObserveProfileLoads(t *testing.T) {
	t.Parallel()
	project := load(t, "COMPOSE_PROFILES=observe", "PROMETHEUS_IMAGE=mirror/prometheus:1", "GRAFANA_IMAGE=mirror/grafana:1", "POSTGRES_PASSWORD=x")
	require.Contains(t, project.Services, "prometheus")
	require.Contains(t, project.Services, "grafana")
	assert.Equal(t, "mirror/prometheus:1", project.Services["prometheus"].Image)
	assert.Equal(t, "mirror/grafana:1", project.Services["grafana"].Image)
	assert.Equal(t, "x", *project.Services["grafana"].Environment["POSTGRES_PASSWORD"])
	for _, name := range []string{"prometheus", "grafana"} {
		for _, port := range project.Services[name].Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, name)
		}
		for _, volume := range project.Services[name].Volumes {
			if volume.Type == types.VolumeTypeBind {
				assert.DirExists(t, volume.Source, name)
			} else {
				assert.Contains(t, project.Volumes, volume.Source, name)
			}
		}
	}
}

// docker compose warns about version; docker-compose 1.29 rejects name.
func TestTopLevelKeysSuitOldAndNewCompose(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	keys := regexp.MustCompile(`(?m)^([a-z][\w-]*):`).FindAllStringSubmatch(string(content), -1)
	require.NotEmpty(t, keys)
	for _, key := range keys {
		if !strings.HasPrefix(key[1], "x-") {
			assert.Contains(t, []string{"services", "volumes"}, key[1])
		}
	}
}

func TestEveryPortIsPublishedOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for name, service := range load(t, "POSTGRES_PORT=15432").Services {
		for _, port := range service.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, name)
		}
		assert.Empty(t, service.NetworkMode, name)
	}
}

func TestServicesStartAfterTheirDependencies(t *testing.T) {
	t.Parallel()
	project := load(t)
	conditions := func(service string) map[string]string {
		found := map[string]string{}
		for name, dependency := range project.Services[service].DependsOn {
			found[name] = dependency.Condition
		}
		return found
	}
	assert.Equal(t, map[string]string{
		"postgres": types.ServiceConditionHealthy,
		"prepare":  types.ServiceConditionCompletedSuccessfully,
	}, conditions("pipeline"))
	assert.Equal(t, map[string]string{
		"prepare": types.ServiceConditionCompletedSuccessfully,
	}, conditions("generator"))
}

func TestLastingServicesAreCheckedAndRestarted(t *testing.T) {
	t.Parallel()
	project := load(t)
	for _, name := range lasting {
		service := project.Services[name]
		require.NotNil(t, service.HealthCheck, name)
		assert.False(t, service.HealthCheck.Disable, name)
		assert.NotEmpty(t, service.HealthCheck.Test, name)
		assert.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
	}
	assert.Equal(t, types.RestartPolicyNo, project.Services["prepare"].Restart)
}

// While the schema is applied, the server listens on its socket only, so a check
// by socket would pass too early.
func TestTheDatabaseIsCheckedByTCP(t *testing.T) {
	t.Parallel()
	check := load(t).Services["postgres"].HealthCheck.Test
	assert.Contains(t, check, "--host=127.0.0.1")
	assert.Contains(t, check, "--dbname=ecommerce_events")
}

// Concurrent builds of the same tag fail if the image does not exist yet, and an
// image without a build would be pulled.
func TestOneServiceBuildsTheImageForAll(t *testing.T) {
	t.Parallel()
	project := load(t)
	var builders []string
	for name, service := range project.Services {
		if service.Build != nil {
			builders = append(builders, name)
		}
	}
	assert.Equal(t, []string{"prepare"}, builders)
	for _, name := range []string{"generator", "pipeline"} {
		assert.Equal(t, project.Services["prepare"].Image, project.Services[name].Image, name)
		assert.Equal(t, types.PullPolicyNever, project.Services[name].PullPolicy, name)
		assert.Contains(t, project.Services[name].DependsOn, "prepare", name)
	}
}

func TestServicesThatHandleEventsAreUnprivileged(t *testing.T) {
	t.Parallel()
	project := load(t)
	for _, name := range []string{"generator", "pipeline"} {
		service := project.Services[name]
		assert.Equal(t, "1000:1000", service.User, name)
		assert.True(t, service.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, service.CapDrop, name)
		assert.Empty(t, service.CapAdd, name)
	}
	assert.Equal(t, "501:20", load(t, "CONNECT_UID=501", "CONNECT_GID=20").Services["pipeline"].User)
}

func TestThePasswordComesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  []string
		want string
	}{
		{nil, "mysecretpassword"},
		{[]string{"POSTGRES_PASSWORD="}, "mysecretpassword"},
		{[]string{"POSTGRES_PASSWORD=p@ss/w:rd %"}, "p@ss/w:rd %"},
	} {
		project := load(t, c.env...)
		assert.Equal(t, c.want, *project.Services["postgres"].Environment["POSTGRES_PASSWORD"])
		assert.Equal(t, c.want, *project.Services["pipeline"].Environment["PGPASSWORD"])
	}
}

func TestEveryImageCanComeFromAMirror(t *testing.T) {
	t.Parallel()
	project := load(t,
		"POSTGRES_IMAGE=mirror/postgres:1", "GO_IMAGE=mirror/go:1", "RUN_IMAGE=mirror/run:1", "CONNECT_IMAGE=mirror/connect:1")
	assert.Equal(t, "mirror/postgres:1", project.Services["postgres"].Image)
	assert.Equal(t, "mirror/connect:1", project.Services["pipeline"].Image)
	args := project.Services["prepare"].Build.Args
	assert.Equal(t, "mirror/go:1", *args["GO_IMAGE"])
	assert.Equal(t, "mirror/run:1", *args["RUN_IMAGE"])
}

func TestTheDefaultImagesAreThoseOfTheDockerfile(t *testing.T) {
	t.Parallel()
	args := load(t).Services["prepare"].Build.Args
	lines := dockerfile(t)
	for _, name := range []string{"GO_IMAGE", "RUN_IMAGE"} {
		assert.Contains(t, lines, "ARG "+name+"="+*args[name])
	}
}

func TestTheEventsFolderIsOnTheHost(t *testing.T) {
	t.Parallel()
	events, err := filepath.Abs(filepath.Join(root, "data", "events"))
	require.NoError(t, err)
	project := load(t)
	for _, name := range []string{"prepare", "generator", "pipeline"} {
		mounted := slices.ContainsFunc(project.Services[name].Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeBind && v.Source == events && v.Target == "/connect/data/events" && !v.ReadOnly
		})
		assert.True(t, mounted, name)
	}
}

func TestMountedFoldersExist(t *testing.T) {
	t.Parallel()
	events, err := filepath.Abs(filepath.Join(root, "data", "events"))
	require.NoError(t, err)
	project := load(t)
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			switch {
			case volume.Type == types.VolumeTypeVolume:
				assert.Contains(t, project.Volumes, volume.Source, name)
			case volume.Source == events: // created by the engine
			default:
				assert.DirExists(t, volume.Source, name)
				assert.True(t, volume.ReadOnly, "%s: %s", name, volume.Source)
			}
		}
	}
}

// A variable that no config reads would have no effect.
func TestConfigsReadTheVariablesOfTheirServices(t *testing.T) {
	t.Parallel()
	project := load(t)
	for name, file := range map[string]string{
		"generator": "config/generator.yaml",
		"pipeline":  "config/pipeline.yaml",
	} {
		service := project.Services[name]
		assert.Equal(t, types.ShellCommand{"-c", file}, service.Command)
		content, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for variable := range service.Environment {
			if variable != "PGPASSWORD" { // read by the PostgreSQL driver
				assert.Contains(t, string(content), "${"+variable+":", "%s does not read it", file)
			}
		}
	}
}

func TestHealthChecksUseThePublishedPort(t *testing.T) {
	t.Parallel()
	project := load(t)
	for name, variable := range map[string]string{"generator": "GENERATOR_HTTP_ADDRESS", "pipeline": "HTTP_ADDRESS"} {
		service := project.Services[name]
		_, port, found := strings.Cut(*service.Environment[variable], ":")
		require.True(t, found, name)
		assert.Contains(t, service.HealthCheck.Test, "http://127.0.0.1:"+port+"/ready", name)
		require.NotEmpty(t, service.Ports, name)
		assert.Equal(t, port, service.Ports[0].Published, name)
	}
}
