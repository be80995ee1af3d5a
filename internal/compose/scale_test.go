package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scaled are the services of the profile "scale" that run a config of ours.
var scaled = map[string]string{
	"edge":       "config/scale/edge.yaml",
	"sink":       "config/scale/sink.yaml",
	"partitions": "config/scale/partitions.yaml",
}

// loadScale reads the file with the profile "scale".
func loadScale(t *testing.T, env ...string) *types.Project {
	t.Helper()
	return load(t, append([]string{"COMPOSE_PROFILES=scale"}, env...)...)
}

func TestKafkaStartsWithItsProfileOnly(t *testing.T) {
	t.Parallel()
	names := loadScale(t).ServiceNames()
	assert.ElementsMatch(t, append([]string{"prepare", "kafka", "topic", "edge", "sink", "partitions"}, lasting...), names)
}

func TestSinksCanBeScaled(t *testing.T) {
	t.Parallel()
	sink := loadScale(t).Services["sink"]
	assert.Empty(t, sink.Ports, "a published port can be had once")
	assert.Empty(t, sink.ContainerName)
	for _, volume := range sink.Volumes {
		assert.True(t, volume.ReadOnly, "sinks would share %s", volume.Target)
	}
	assert.Nil(t, sink.Deploy)
}

func TestScaledServicesReadTheirVariables(t *testing.T) {
	t.Parallel()
	project := loadScale(t, "POSTGRES_PASSWORD=p@ss")
	for name, file := range scaled {
		service := project.Services[name]
		assert.Equal(t, types.ShellCommand{"-c", file}, service.Command, name)
		content, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for variable, value := range service.Environment {
			if variable == "PGPASSWORD" { // read by the PostgreSQL driver
				assert.Equal(t, "p@ss", *value)
				continue
			}
			assert.Contains(t, string(content), "${"+variable+":", "%s does not read it", file)
		}
		assert.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
		assert.Contains(t, service.HealthCheck.Test, "http://127.0.0.1:4195/ready", name)
		assert.True(t, service.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, service.CapDrop, name)
		assert.Equal(t, project.Services["prepare"].Image, service.Image, name)
		assert.Contains(t, service.DependsOn, "prepare", name)
	}
}

func TestTheBrokerIsFoundWhereItSays(t *testing.T) {
	t.Parallel()
	project := loadScale(t)
	kafka := project.Services["kafka"]
	assert.Equal(t, "PLAINTEXT://kafka:9092", *kafka.Environment["KAFKA_ADVERTISED_LISTENERS"])
	for _, name := range []string{"edge", "sink"} {
		assert.Equal(t, "kafka:9092", *project.Services[name].Environment["KAFKA_BROKERS"], name)
		assert.Equal(t, types.ServiceConditionCompletedSuccessfully, project.Services[name].DependsOn["topic"].Condition, name)
	}
	assert.Equal(t, types.ServiceConditionHealthy, project.Services["topic"].DependsOn["kafka"].Condition)
	topic := strings.Join(project.Services["topic"].Command, " ")
	assert.Contains(t, topic, "--bootstrap-server kafka:9092 --create --if-not-exists --topic user_events --partitions 12")
	assert.Equal(t, kafka.Image, project.Services["topic"].Image)
	assert.Contains(t, project.Volumes, "kafka")
	assert.Equal(t, "mirror/kafka:1", loadScale(t, "KAFKA_IMAGE=mirror/kafka:1").Services["topic"].Image)
}
