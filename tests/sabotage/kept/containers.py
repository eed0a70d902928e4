"""What contains the containers."""

from tests.sabotage.mutation import InText, Mutation, Replace

CONTAINMENT = "tests/unit/local/test_containment.py"
DOCTOR = "tests/integration/local/test_doctor_in_containers.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "containers that can write their image",
        "edges",
        "docker-compose.yml",
        InText("read_only: true", "read_only: false"),
        (f"{CONTAINMENT}::test_a_container_can_write_nothing_but_its_data_and_what_is_gone_with_it",),
    ),
    Mutation(
        "servers with a way out",
        "edges",
        "docker-compose.yml",
        InText("internal: true", "internal: false"),
        (f"{CONTAINMENT}::test_the_servers_are_reached_by_services_alone_and_lead_nowhere",),
    ),
    Mutation(
        "a monitoring of NATS for everybody",
        "edges",
        "deploy/nats.conf",
        InText('http: "127.0.0.1:8222"', 'http: "0.0.0.0:8222"'),
        (f"{CONTAINMENT}::test_the_monitoring_of_nats_answers_in_its_own_container_only",),
    ),
    Mutation(
        "a container that is healthy whatever its service reports",
        "edges",
        "libs/local/healthcheck.py::ask",
        Replace('head.split(b" ")[1:2] == [b"200"]', "True"),
        ("tests/unit/local/test_healthcheck.py::test_a_container_is_healthy_when_its_service_is_ready",),
    ),
    Mutation(
        "a doctor that misses in each container what other services are given",
        "edges",
        "libs/local/doctor/settings.py::check_settings",
        Replace("service in definitions()[name].readers", "True"),
        (f"{DOCTOR}::test_nothing_is_wrong_in_a_container_that_works",),
    ),
    Mutation(
        "a doctor that does not try the keys of a service's Redis login",
        "edges",
        "libs/local/doctor/servers.py::_redis_logins",
        Replace('{service: ("PINGCRM_REDIS_URL", servers.redis)} if servers.redis else {}', "{}"),
        (f"{DOCTOR}::test_what_is_wrong_in_a_container_is_found_there",),
    ),
    Mutation(
        "a migration in an image without its tools",
        "edges",
        "deploy/kubernetes/overlays/small/kustomization.yaml",
        InText("registry.example.org/pingcrm-migrate", "registry.example.org/pingcrm"),
        ("tests/unit/test_kubernetes.py::test_the_migration_runs_in_the_image_that_has_its_tools",),
    ),
    Mutation(
        "passwords of Redis in a file for everybody",
        "private",
        "deploy/valkey.sh",
        InText("umask 077", "umask 022"),
        (
            "tests/integration/common/test_redis_permissions.py::"
            "test_the_server_of_the_compose_file_has_the_same_users_and_no_password_on_its_command_line",
        ),
    ),
    Mutation(
        "secrets of an installation that everybody on the machine can read",
        "private",
        "deploy/make-env.sh",
        InText("umask 077", "umask 022"),
        ("tests/unit/local/test_make_env.py::test_it_makes_every_secret_for_its_owner_only",),
    ),
    Mutation(
        "an image without a document that the product reads",
        "edges",
        "deploy/slim_packages.py::DISCOVERY_DOCUMENTS",
        Replace('frozenset({"gmail.v1", "calendar.v3", "people.v1"})', 'frozenset({"gmail.v1", "calendar.v3"})'),
        ("tests/unit/local/test_slim_packages.py::test_the_documents_that_the_product_reads_are_left_and_load",),
    ),
)
