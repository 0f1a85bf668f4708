//! Random values of a token's shape in places that are none of GitLab's, and its words without value.

use super::Gatherer;

/// With `{}` in place of the value.
const ELSEWHERE: &[&str] = &[
    "id = \"{}\"",
    "GITLAB_HOST={}",
    "GITLAB_TOKEN_NAME={}",
    "GITHUB_TOKEN={}",
    "PUBLIC-TOKEN: {}",
    "X-CSRF-Token: {}",
    "private_tokens={}",
    "https://oauth:{}@git.example/a.git",
    "https://me:{}@git.example/a.git",
    "machine git.example login me password {}",
    "//registry.example/:_authToken={}",
    "[runners]\n  token = \"{}\"",
    "[[runners]]\n  name = \"{}\"",
    "curl -F token={} https://git.example/pipeline",
    "session={}",
    "etag: \"{}\"",
    "t1_{}",
    "select t1_{} from a",
    "nonce=\"{}\"",
    "gitlab-{}",
    "gitlab_{}",
    "GITLAB_TOKEN {}",
    "the private_token {}",
    "set GITLAB_TOKEN_NAME {}",
    "me:{}@gitlab.example",
    "git@gitlab.example:{}",
    "https://gitlab.example/{}@v1",
    "\"gitlab-tokens\": {{\"a\": \"{}\"}}",
    "laboratoryToken: {}",
    "docker login -u me -p {} registry.example",
    "docker login -u {} -p $PASSWORD registry.gitlab.example",
    "docker login -u me --password-stdin registry.gitlab.example # {}",
    "curl -u me:{} https://git.example/a",
    "curl -H me:{} https://gitlab.example/a",
    "curl -u me:{} https://git.example/a && curl https://gitlab.example/",
    "mysql --password={} && curl https://gitlab.example/",
    "gitlab-root-password: {}",
    "username: gitlab-ci-token\n\npassword: {}",
    "username: gitlab-ci-tokens\npassword: {}",
    "[{{\"username\": \"gitlab-ci-token\"}}, {{\"password\": \"{}\"}}]",
    "username: gitlab+deploy-token\npassword: {}",
    "username: gitlab+deploy-token-7\nimage: {}",
    "gitlab-ci-token is the user, {} the build",
    "https://me:{}@git.example/api/v4/users/login",
    "https://me:{}@git.example/a/api/v4/projects/7",
    "https://git.example/api/v4/projects/{}",
    "https://me:{}@git.example/api/v3/projects/7",
    "[gitlab]\nrepository = https://git.example/api/v4/projects/7/packages/pypi\n[other]\npassword = {}",
    "[gitlab]\nrepository = https://git.example/simple\npassword = {}",
    "[gitlab]\nrepository = https://git.example/api/v4/projects/7/packages/pypi\npassword_file = {}",
    "api: https://git.example/api/v4/projects/7\ndatabase:\n  password: {}",
    "<packageSourceCredentials><other><add key=\"ClearTextPassword\" value=\"{}\" /></other>",
    "<add key=\"gitlab\" value=\"https://gitlab.example\" /><other><add key=\"ClearTextPassword\" value=\"{}\" /></other>",
    "<gitlab><add key=\"Password\" value=\"{}\" /></gitlab>",
    "TF_HTTP_ADDRESS=https://git.example/state\nTF_HTTP_PASSWORD={}",
    "TF_HTTP_ADDRESS=https://git.example/api/v4/projects/7/terraform/state/a\nDB_PASSWORD={}",
    "# gitlab\nTWINE_PASSWORD={}",
    "terraform init -backend-config=password={} -backend-config=address=https://git.example/state",
    "hosts:\n  git.example:\n    api_protocol: https\n    token: {}",
    "gitlab:\n  api_protocol: https\n  other:\n    token: {}",
    "gitlab:\n  api_protocol: https\n  token_name: {}",
    "gitlab\napi_protocol: https\ntoken: {}",
    "url: https://unleash.example/api\ninstance_id: {}",
    "url: https://git.example/api/v4/feature_flags/unleash/7\napp_name: {}",
    "url: https://git.example/api/v4/feature_flags/unleash/7\ninstance_ids: {}",
    "url: https://git.example/api/v4/projects/7\ninstance_id: {}",
    "registration_token: {}",
];

pub(super) fn add(gatherer: &mut Gatherer) {
    for place in ELSEWHERE {
        for _ in 0..2 {
            let value = gatherer.random.friendly(20);
            gatherer.add("elsewhere", format!("{}\n", place.replace("{}", &value)));
        }
        let value = gatherer.hex(40);
        gatherer.add("elsewhere", format!("{}\n", place.replace("{}", &value)));
    }
    let (access, refresh) = (gatherer.hex(64), gatherer.hex(64));
    for text in [
        format!("{{\"access_token\": \"{access}\", \"refresh_token\": \"{refresh}\"}}\n"),
        format!(
            "{{\"access_token\": \"{access}\", \"refresh_token\": \"{refresh}\", \"scope\": \"profile\"}}\n"
        ),
        format!("{{\"access_token\": \"{access}\", \"scope\": \"read_api\"}}\n"),
        format!("{{\"refresh_token\": \"{refresh}\", \"scope\": \"read_api\"}}\n"),
        format!(
            "{{\"access_token\": \"a\", \"refresh_token\": \"{refresh}\", \"scope\": \"read_api\"}}\n"
        ),
        format!(
            "{{\"access_token\": \"{access}\", \"refresh_token\": \"a\", \"scope\": \"read_api\"}}\n"
        ),
        format!(
            "{{\"gitlab\": 1, \"access_tokens\": \"{access}\", \"refresh_tokens\": \"{refresh}\"}}\n"
        ),
    ] {
        gatherer.add("elsewhere", text);
    }
    for (before, length) in [
        ("client_secret: ", 64),
        ("app_secret=", 64),
        ("Authorization: Bearer ", 64),
        ("access_token=", 64),
    ] {
        let value = gatherer.hex(length);
        gatherer.add("elsewhere", format!("acme:\n  {before}{value}\n"));
        gatherer.add("elsewhere", format!("gitlab:\n  {before}{}\n", &value[1..]));
    }
}
