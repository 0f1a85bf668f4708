//! Registry logins and credentials that tools read from variables.

use super::*;

#[test]
fn logins_behind_options_and_other_programs() {
    for (command, confidence) in [
        (
            "docker -H tcp://builder:2375 login -u x -p $T $CI_REGISTRY",
            Confidence::High,
        ),
        (
            "docker exec -it builder docker login -u x -p $T $CI_REGISTRY",
            Confidence::Medium,
        ),
        (
            "docker run --rm docker:cli docker login -u x -p $T $CI_REGISTRY",
            Confidence::Medium,
        ),
        (
            "kubectl exec builder -- /usr/bin/podman login -u x -p $T $CI_REGISTRY",
            Confidence::Medium,
        ),
        (
            "try_three_times helm registry login -u x -p $T $CI_REGISTRY",
            Confidence::Medium,
        ),
    ] {
        let fixture = script(command);
        let found = fixture.sole();
        assert_eq!(found.operation, Operation::RegistryLogin, "{command}");
        assert_eq!(fixture.cut(&found.site), "$T", "{command}");
        assert_eq!(found.confidence, confidence, "{command}");
    }
    for command in [
        "echo docker login -u x -p $T $CI_REGISTRY",
        "docker run -p $T:80 docker",
        "docker pull docker -p $T",
        "kubectl create secret docker login --value $T",
    ] {
        assert_eq!(script(command).facts().uses, [], "{command}");
    }
}

#[test]
fn every_tool_signs_in_with_a_password_argument() {
    for (command, tool) in [
        ("docker login -u x -p $T $CI_REGISTRY", RegistryTool::Docker),
        (
            "docker --config d login $CI_REGISTRY -u x --password $T",
            RegistryTool::Docker,
        ),
        (
            "docker login -u x --password=$T $CI_REGISTRY",
            RegistryTool::Docker,
        ),
        ("docker login -ux -p$T $CI_REGISTRY", RegistryTool::Docker),
        (
            "podman login -u x -p \"$T\" $CI_REGISTRY",
            RegistryTool::Podman,
        ),
        (
            "buildah login -u x -p $T $CI_REGISTRY",
            RegistryTool::Buildah,
        ),
        ("skopeo login -u x -p $T $CI_REGISTRY", RegistryTool::Skopeo),
        (
            "nerdctl login -u x -p $T $CI_REGISTRY",
            RegistryTool::Nerdctl,
        ),
        (
            "crane auth login -u x -p $T $CI_REGISTRY",
            RegistryTool::Crane,
        ),
        ("cosign login -u x -p $T $CI_REGISTRY", RegistryTool::Cosign),
        (
            "helm registry login -u x -p $T $CI_REGISTRY",
            RegistryTool::Helm,
        ),
        ("oras login -u x -p $T $CI_REGISTRY", RegistryTool::Oras),
        (
            "trivy registry login --username x --password $T $CI_REGISTRY",
            RegistryTool::Trivy,
        ),
        (
            "regctl registry login -u x -p $T $CI_REGISTRY",
            RegistryTool::Regctl,
        ),
        (
            "werf cr login -u x -p $T --insecure-registry $CI_REGISTRY",
            RegistryTool::Werf,
        ),
    ] {
        let fixture = script(command);
        let found = fixture.sole();
        assert_eq!(found.mechanism, Mechanism::LoginArgument(tool), "{command}");
        assert_eq!(found.operation, Operation::RegistryLogin, "{command}");
        assert_eq!(found.host, Host::OwnRegistry, "{command}");
        assert_eq!(fixture.cut(&found.site), "$T", "{command}");
        assert_eq!(fixture.cut(found.url.as_ref().unwrap()), "$CI_REGISTRY");
    }
    assert_eq!(
        script("docker login -u x -p $T").sole().host,
        Host::Literal("docker.io".into())
    );
    assert_eq!(
        script("ssh host \"docker login -u x -p $CI_REGISTRY_PASSWORD registry.example:5000/a\"")
            .sole()
            .host,
        Host::Literal("registry.example".into())
    );
}

#[test]
fn passwords_on_standard_input_are_traced() {
    for (text, site) in [
        (
            "echo \"$T\" | docker login -u x --password-stdin $CI_REGISTRY",
            "$T",
        ),
        (
            "echo -n $T | docker login -u x --password-stdin $CI_REGISTRY",
            "$T",
        ),
        (
            "printf '%s' \"$T\" | docker login -u x --password-stdin $CI_REGISTRY",
            "$T",
        ),
        (
            "docker login -u x --password-stdin $CI_REGISTRY <<< \"$T\"",
            "$T",
        ),
        (
            "docker login -u x --password-stdin $CI_REGISTRY <<EOF\n$T\nEOF\n",
            "$T",
        ),
        (
            "{ echo $T; } | docker login -u x --password-stdin $CI_REGISTRY",
            "$T",
        ),
    ] {
        let fixture = script(text);
        let found = fixture.sole();
        assert_eq!(
            found.mechanism,
            Mechanism::LoginStdin(RegistryTool::Docker),
            "{text}"
        );
        assert_eq!(names(&found.credential), ["T"], "{text}");
        assert_eq!(fixture.cut(&found.site), site, "{text}");
    }
    let found = script("docker login -u x --password-stdin $CI_REGISTRY < file").sole();
    assert_eq!(found.credential, Credential::Opaque);
}

#[test]
fn tools_read_credentials_from_variables() {
    let fixture = Fixture::default()
        .set("GITLAB_TOKEN", "$RELEASE_TOKEN")
        .set("TWINE_PASSWORD", "${CI_JOB_TOKEN}")
        .set("NPM_TOKEN", "$NPM_TOKEN")
        .set("OTHER", "$X")
        .run("export TF_HTTP_PASSWORD=\"$T\"")
        .run("GL_TOKEN=$T semantic-release")
        .run("env GITLAB_TOKEN=$T semantic-release");
    let uses = fixture.uses();
    let found: Vec<_> = uses
        .iter()
        .map(|found| {
            let Mechanism::Environment(name) = &found.mechanism else {
                panic!("{found:?}");
            };
            (
                &**name,
                names(&found.credential)[0],
                fixture.cut(&found.site),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("GITLAB_TOKEN", "RELEASE_TOKEN", "$RELEASE_TOKEN"),
            ("TWINE_PASSWORD", "CI_JOB_TOKEN", "${CI_JOB_TOKEN}"),
            ("TF_HTTP_PASSWORD", "T", "$T"),
            ("GL_TOKEN", "T", "$T"),
            ("GITLAB_TOKEN", "T", "$T"),
        ]
    );
}
