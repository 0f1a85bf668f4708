//! Variables and templates where a body or a whole token would stand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Gatherer, Sort, prefixes};

/// References in the manner of many tools, and what stands where nothing does.
const VALUES: &[&str] = &[
    "$GITLAB_TOKEN",
    "${GITLAB_ACCESS_TOKEN1}",
    "${GITLAB_TOKEN:?not set}",
    "$(cat /run/secrets/GitlabToken1)",
    "`pass show GitlabToken1`",
    "%GITLAB_ACCESS_TOKEN1%",
    "$env:GITLAB_ACCESS_TOKEN",
    "{{ gitlab_token }}",
    "{{ .Values.gitlab.Token1 }}",
    "{{ lookup('env', 'TOKEN1') }}",
    "<%= ENV['GITLAB_TOKEN1'] %>",
    "${{ secrets.GITLAB_TOKEN }}",
    "#{ENV.fetch('GITLAB_TOKEN1')}",
    "@gitlab.token1@",
    "__GITLAB_ACCESS_TOKEN1__",
    "<GitLabAccessToken123>",
    "[GitLabAccessToken123]",
    "(GitLabAccessToken123)",
    "var.gitlab_AccessToken1",
    "process.env.GITLAB_TOKEN1",
    "os.environ['GITLAB_TOKEN1']",
    "data.vault_generic_secret.Gitlab1.data",
    "vault:secret/data/gitlab#Token1",
    "op://Engineering/Gitlab1/token",
    "arn:aws:secretsmanager:eu-west-1:1:secret:Gitlab1",
    "!vault |",
    "ENC[AES256_GCM,data:GitlabToken1]",
    "null",
    "\"\"",
    "''",
    "changeme",
    "TODO",
    "...",
    "***",
    "[MASKED]",
    "xxx",
];

/// Where tokens without prefix are read, with `{}` in place of one.
const PLACES: &[&str] = &[
    "PRIVATE-TOKEN: {}\n",
    "export GITLAB_TOKEN={}\n",
    "gitlab_token: {}\n",
    "git clone https://oauth2:{}@git.example/a.git\n",
    "https://me:{}@gitlab.example/a.git\n",
    "\"gitlabToken\": \"{}\"\n",
    "DEPLOY-TOKEN: {}\n",
    "gitlab-runner register --registration-token {} --locked\n",
    "ENV GITLAB_TOKEN {}\n",
    "machine gitlab.example login me password {}\n",
    "//gitlab.example/:_authToken={}\n",
    "docker login -u gitlab-ci-token -p {} registry.example\n",
    "docker login -u me -p {} registry.gitlab.example\n",
    "curl -u me:{} https://gitlab.example\n",
    "https://me:{}@git.example/api/v4/projects/7/packages/pypi\n",
    "[gitlab]\nrepository = https://git.example/api/v4/projects/7/packages/pypi\npassword = {}\n",
    "<gitlab><add key=\"ClearTextPassword\" value=\"{}\" /></gitlab>\n",
    "TF_HTTP_ADDRESS=https://git.example/api/v4/projects/7\nTF_HTTP_PASSWORD={}\n",
    "hosts:\n  gitlab.example:\n    api_protocol: https\n    token: {}\n",
    "{\"access_token\": \"{}\", \"refresh_token\": \"{}\", \"scope\": \"read_api\"}\n",
    "url: https://git.example/api/v4/feature_flags/unleash/7\ninstanceId: {}\n",
];

pub(super) fn add(gatherer: &mut Gatherer, sorts: &[Sort]) {
    for value in VALUES {
        for place in PLACES {
            gatherer.add("reference", place.replace("{}", value));
        }
        for user in ["me", "gitlab-ci-token", "gitlab+deploy-token-7", "oauth2"] {
            let pair = STANDARD.encode(format!("{user}:{value}"));
            gatherer.add(
                "reference",
                format!("{{\"auths\": {{\"gitlab.example\": {{\"auth\": \"{pair}\"}}}}}}\n"),
            );
            gatherer.add(
                "reference",
                format!("curl -H 'Authorization: Basic {pair}' https://gitlab.example\n"),
            );
        }
        gatherer.add("reference", format!("[[runners]]\n  token = \"{value}\"\n"));
        gatherer.add(
            "reference",
            format!("curl x/trigger/pipeline?token={value}\n"),
        );
        gatherer.add("reference", format!("gitlab:\n  client_secret: {value}\n"));
    }
    for prefix in prefixes(sorts) {
        for rest in [
            "$SUFFIX",
            "${TOKEN_SUFFIX_FOR_TESTS}",
            "{{ suffix }}",
            "#{suffix}",
            "%s",
            "{}",
        ] {
            gatherer.add("reference", format!("token = \"{prefix}{rest}\"\n"));
        }
        gatherer.add(
            "reference",
            format!("token = \"{prefix}\" + os.environ[\"REST\"]\n"),
        );
        gatherer.add("reference", format!("token = \"{prefix}\" + \"x\" * 20\n"));
    }
}
