//! The files of tokens that nothing but their place tells.

use glpatrol::rules::Context;

use super::{ANY, Carrier, carrier};

/// The carriers of a token that needs this context; what a mail address needs stands in the value.
pub(in crate::corpus) const fn of_context(context: Context) -> &'static [Carrier] {
    match context {
        Context::MailAddress => ANY,
        Context::RunnerConfig => RUNNER_CONFIG,
        Context::PrivateToken => PRIVATE_TOKEN,
        Context::TokenVariable => TOKEN_VARIABLE,
        Context::OauthUrl => OAUTH_URL,
        Context::DeployTokenUrl => DEPLOY_TOKEN_URL,
        Context::JobToken => JOB_TOKEN,
        Context::RegistrationToken => REGISTRATION_TOKEN,
        Context::Netrc => NETRC,
        Context::NpmRegistry => NPM_REGISTRY,
        Context::TriggerCall => TRIGGER_CALL,
        Context::ClientSecret => CLIENT_SECRET,
        Context::ApiCall => API_CALL,
        Context::Password => PASSWORD,
        Context::TokenResponse => TOKEN_RESPONSE,
        Context::FeatureFlags => FEATURE_FLAGS,
    }
}

const RUNNER_CONFIG: &[Carrier] = &[
    carrier("config.toml", "[[runners]]\n  token = \"{V}\"\n"),
    carrier("single.toml", "[[runners]]\ntoken = '{V}'\n"),
    carrier("tight.toml", "[[runners]]\ntoken=\"{V}\"\n"),
    carrier("crlf.toml", "[[runners]]\r\n  token = \"{V}\"\r\n"),
    carrier("comment.toml", "[[runners]]\n  # token = \"{V}\"\n"),
    carrier(
        "after.toml",
        "concurrent = 1\n[[runners]]\n  name = \"a\"\n  url = \"https://git.example\"\n  id = 7\n  token = \"{V}\"\n  executor = \"shell\"\n",
    ),
    carrier(
        "second.toml",
        "[[runners]]\n  token = \"$A\"\n[[runners]]\n  token = \"{V}\"\n",
    ),
    carrier(
        "docker.toml",
        "[[runners]]\n  executor = \"docker\"\n  token = \"{V}\"\n  [runners.docker]\n    image = \"alpine\"\n",
    ),
    carrier("tabs.toml", "[[runners]]\n\ttoken\t=\t\"{V}\"\n"),
    carrier(
        "heredoc.sh",
        "cat > config.toml <<EOF\n[[runners]]\n  token = \"{V}\"\nEOF\n",
    ),
    carrier(
        "configmap.yaml",
        "data:\n  config.toml: |\n    [[runners]]\n      token = \"{V}\"\n",
    ),
    carrier(
        "values.yaml",
        "runners:\n  config: |\n    [[runners]]\n      executor = \"kubernetes\"\n      token = \"{V}\"\n",
    ),
];

const PRIVATE_TOKEN: &[Carrier] = &[
    carrier(
        "call.sh",
        "curl --header \"PRIVATE-TOKEN: {V}\" https://git.example/api/v4/user\n",
    ),
    carrier(
        "tight.sh",
        "curl -H PRIVATE-TOKEN:{V} https://git.example/api/v4/user\n",
    ),
    carrier(
        "query.sh",
        "curl \"https://git.example/api/v4/user?private_token={V}&page=2\"\n",
    ),
    carrier("client.py", "headers = {\"PRIVATE-TOKEN\": \"{V}\"}\n"),
    carrier(
        "gitlab.cfg",
        "[git]\nurl = https://git.example\nprivate_token = {V}\napi_version = 4\n",
    ),
    carrier(
        "argument.py",
        "gl = Gitlab('https://git.example', private_token='{V}')\n",
    ),
    carrier(
        "client.js",
        "fetch(url, { headers: { 'Private-Token': '{V}' } })\n",
    ),
    carrier(
        "client.rb",
        "Gitlab.configure { |c| c.private_token = '{V}' }\n",
    ),
    carrier(
        "client.go",
        "request.Header.Set(\"Private-Token\", \"{V}\")\n",
    ),
    carrier(
        "settings.xml",
        "<property><name>Private-Token</name><value>{V}</value></property>\n",
    ),
    carrier(
        "settings.yml",
        "private_token: {V}\nurl: https://git.example\n",
    ),
    carrier("settings.json", "{\"private_token\": \"{V}\", \"a\": 1}\n"),
    carrier(
        "escaped.json",
        "{\"body\": \"{\\\"private_token\\\": \\\"{V}\\\"}\"}\n",
    ),
    carrier(
        "request.http",
        "GET /api/v4/user HTTP/1.1\r\nHost: git.example\r\nPRIVATE-TOKEN: {V}\r\n\r\n",
    ),
    carrier(
        "recording.har",
        "{\"headers\":[{\"name\":\"PRIVATE-TOKEN\",\"value\":\"{V}\"}]}\n",
    ),
];

const TOKEN_VARIABLE: &[Carrier] = &[
    carrier("export.sh", "export GITLAB_TOKEN={V}\n"),
    carrier("quoted.sh", "GITLAB_API_TOKEN=\"{V}\" ./release.sh\n"),
    carrier(".env", "MODE=a\nGITLAB_PRIVATE_TOKEN={V}\n"),
    carrier("ci.yml", "variables:\n  GITLAB_ACCESS_TOKEN: {V}\n"),
    carrier("compose.yml", "environment:\n  - GITLAB_TOKEN={V}\n"),
    carrier("pod.yaml", "env:\n- name: GITLAB_TOKEN\n  value: \"{V}\"\n"),
    carrier("settings.json", "{\"GITLAB_TOKEN\": \"{V}\"}\n"),
    carrier("settings.toml", "gitlab_token = \"{V}\"\n"),
    carrier("client.py", "os.environ['GITLAB_TOKEN'] = '{V}'\n"),
    carrier("client.js", "process.env.GITLAB_TOKEN = '{V}';\n"),
    carrier("Dockerfile", "ENV GITLAB_TOKEN={V}\n"),
    carrier("terraform.tfvars", "gitlab_token = \"{V}\"\n"),
    carrier("app.properties", "gitlab_token={V}\n"),
    carrier("profile.ps1", "$env:GITLAB_TOKEN = \"{V}\"\r\n"),
    carrier("settings.xml", "<gitlab_token>{V}</gitlab_token>\n"),
    carrier("Makefile", "GITLAB_TOKEN := {V}\n"),
    carrier(
        "auth.json",
        "{\"gitlab-token\": {\"git.example\": \"{V}\"}}\n",
    ),
    carrier("camel.json", "{\"gitlabToken\": \"{V}\"}\n"),
    carrier("dotted.properties", "gitlab.token={V}\n"),
    carrier(
        "main.tf",
        "variable \"gitlab_token\" {\n  type    = string\n  default = \"{V}\"\n}\n",
    ),
    carrier("words.Dockerfile", "ENV GITLAB_TOKEN {V}\n"),
    carrier("setx.bat", "setx GITLAB_TOKEN \"{V}\"\r\n"),
    carrier("config.fish", "set -gx GITLAB_TOKEN {V}\n"),
    carrier("fallback.sh", "TOKEN=${GITLAB_TOKEN:-{V}}\n"),
    carrier(
        "fallback.js",
        "const token = process.env.GITLAB_TOKEN || '{V}';\n",
    ),
    carrier(
        "fallback.py",
        "token = os.environ.get('GITLAB_TOKEN', '{V}')\n",
    ),
    carrier("typed.rs", "const GITLAB_TOKEN: &str = \"{V}\";\n"),
    carrier("mail.eml", "GITLAB_TOKEN=3D{V}\r\n"),
    carrier(
        "docker-compose.yml",
        "services:\n  app:\n    environment:\n      GITLAB_TOKEN: {V}\n",
    ),
    carrier(
        "unit.service",
        "[Service]\nEnvironment=MODE=a \"GITLAB_TOKEN={V}\"\nExecStart=/bin/true\n",
    ),
    carrier(
        "notebook.ipynb",
        "{\"cells\": [{\"source\": [\"import x\\n\", \"GITLAB_TOKEN = \\\"{V}\\\"\\n\"]}]}\n",
    ),
    carrier(
        "terraform.tfstate",
        "{\"outputs\": {\"a\": 1}, \"resources\": [{\"values\": {\"gitlab_token\": \"{V}\"}}]}\n",
    ),
    carrier(
        "config.yml",
        "git_protocol: ssh\nhosts:\n    gitlab.example:\n        # What protocol to use\n        api_protocol: https\n        api_host: gitlab.example\n        token: {V}\n        user: me\n",
    ),
];

const OAUTH_URL: &[Carrier] = &[
    carrier(
        "clone.sh",
        "git clone https://oauth2:{V}@git.example/a/b.git\n",
    ),
    carrier(
        "git.config",
        "[remote \"origin\"]\n\turl = https://oauth2:{V}@git.example/a/b.git\n",
    ),
    carrier(
        "push.sh",
        "git push \"https://oauth2:{V}@git.example/a/b.git\" HEAD:main\n",
    ),
    carrier(
        "insteadof.config",
        "[url \"https://oauth2:{V}@git.example/\"]\n\tinsteadOf = https://git.example/\n",
    ),
    carrier("credentials", "https://oauth2:{V}@git.example\n"),
    carrier(
        "package.json",
        "{\"dependencies\": {\"a\": \"git+https://oauth2:{V}@git.example/a.git#v1\"}}\n",
    ),
    carrier(
        "requirements.txt",
        "a @ git+https://oauth2:{V}@git.example/a/b.git@v1\n",
    ),
    carrier(
        "go.sh",
        "git config --global url.\"https://oauth2:{V}@git.example\".insteadOf https://git.example\n",
    ),
    carrier(
        "Gemfile",
        "gem 'a', git: 'https://oauth2:{V}@git.example/a/b.git'\n",
    ),
    carrier(
        "main.tf",
        "source = \"git::https://oauth2:{V}@git.example/a/b.git?ref=v1\"\n",
    ),
    carrier(
        "job.log",
        "fatal: unable to access 'https://oauth2:{V}@git.example/a/b.git/': 403\n",
    ),
    carrier(
        "Dockerfile",
        "RUN git clone https://oauth2:{V}@git.example/a/b.git /src\n",
    ),
    carrier("user.txt", "https://somebody:{V}@gitlab.example\n"),
    carrier("alone.sh", "git clone https://{V}@gitlab.example/a/b.git\n"),
    carrier(
        "api.pip.conf",
        "[global]\nindex-url = https://__token__:{V}@git.example/api/v4/projects/7/packages/pypi/simple\n",
    ),
    carrier(
        "requirements.in",
        "--extra-index-url https://me:{V}@git.example/api/v4/groups/7/-/packages/pypi/simple\n",
    ),
    carrier(
        "pip.conf",
        "[global]\nextra-index-url = https://__token__:{V}@gitlab.example/api/v4/simple\n",
    ),
];

const DEPLOY_TOKEN_URL: &[Carrier] = &[
    carrier(
        "clone.sh",
        "git clone https://gitlab+deploy-token-7:{V}@git.example/a/b.git\n",
    ),
    carrier(
        "git.config",
        "[remote \"origin\"]\n\turl = https://gitlab+deploy-token-12:{V}@git.example/a/b.git\n",
    ),
    carrier(
        "push.sh",
        "git push \"https://gitlab+deploy-token-7:{V}@git.example/a/b.git\" HEAD:main\n",
    ),
    carrier(
        "insteadof.config",
        "[url \"https://gitlab+deploy-token-7:{V}@git.example/\"]\n\tinsteadOf = https://git.example/\n",
    ),
    carrier(
        "credentials",
        "https://gitlab%2Bdeploy-token-7:{V}@git.example\n",
    ),
    carrier(
        "package.json",
        "{\"dependencies\": {\"a\": \"git+https://gitlab+deploy-token-7:{V}@git.example/a.git\"}}\n",
    ),
    carrier(
        "requirements.txt",
        "--extra-index-url https://gitlab+deploy-token-7:{V}@git.example/simple\n",
    ),
    carrier(
        "pip.conf",
        "[global]\nindex-url = https://gitlab+deploy-token-1:{V}@git.example/simple\n",
    ),
    carrier(
        "Gemfile",
        "gem 'a', git: 'https://gitlab+deploy-token-7:{V}@git.example/a/b.git'\n",
    ),
    carrier(
        "main.tf",
        "source = \"git::https://gitlab+deploy-token-123456:{V}@git.example/a/b.git\"\n",
    ),
    carrier(
        "job.log",
        "fatal: unable to access 'https://gitlab+deploy-token-7:{V}@git.example/a/b.git/': 403\n",
    ),
    carrier(
        "Dockerfile",
        "RUN pip install git+https://gitlab+deploy-token-7:{V}@git.example/a/b.git\n",
    ),
    carrier(
        "login.sh",
        "docker login -u gitlab+deploy-token-7 -p {V} registry.example\n",
    ),
    carrier(
        "values.yaml",
        "imageCredentials:\n  username: gitlab+deploy-token-7\n  password: {V}\n",
    ),
    carrier(
        "config.json",
        "{\"auths\":{\"registry.example\":{\"username\":\"gitlab+deploy-token-7\",\"password\":\"{V}\"}}}\n",
    ),
    carrier(
        "nuget.config",
        "<add key=\"Username\" value=\"gitlab+deploy-token-7\" />\n<add key=\"ClearTextPassword\" value=\"{V}\" />\n",
    ),
    carrier(
        "server.xml",
        "<server><username>gitlab+deploy-token-7</username><password>{V}</password></server>\n",
    ),
    carrier(
        "header.sh",
        "curl --header \"DEPLOY-TOKEN: {V}\" https://git.example/api/v4/projects/7/packages\n",
    ),
    carrier(
        "settings.xml",
        "<property>\n  <name>Deploy-Token</name>\n  <value>{V}</value>\n</property>\n",
    ),
];

const JOB_TOKEN: &[Carrier] = &[
    carrier(
        "job.log",
        "remote: https://gitlab-ci-token:{V}@git.example/a/b.git\n",
    ),
    carrier(
        "clone.sh",
        "git clone https://gitlab-ci-token:{V}@git.example/a/b.git\n",
    ),
    carrier(
        "git.config",
        "[remote \"origin\"]\n\turl = https://gitlab-ci-token:{V}@git.example/a/b.git\n",
    ),
    carrier("job.env", "CI=true\nCI_JOB_TOKEN={V}\nCI_JOB_ID=7\n"),
    carrier("export.sh", "export CI_JOB_TOKEN='{V}'\n"),
    carrier("declare.log", "declare -x CI_JOB_TOKEN=\"{V}\"\n"),
    carrier("ci.yml", "variables:\n  CI_JOB_TOKEN: {V}\n"),
    carrier("job.json", "{\"CI_JOB_TOKEN\": \"{V}\"}\n"),
    carrier(
        "variables.json",
        "[{\"key\":\"CI_JOB_TOKEN\",\"value\":\"{V}\",\"public\":false}]\n",
    ),
    carrier("client.py", "os.environ[\"CI_JOB_TOKEN\"] = \"{V}\"\n"),
    carrier("profile.ps1", "$CI_JOB_TOKEN=\"{V}\"\r\n"),
    carrier("credentials", "https://gitlab-ci-token:{V}@git.example\n"),
    carrier(
        "login.sh",
        "docker login -u gitlab-ci-token -p {V} registry.example\n",
    ),
    carrier(
        ".pypirc",
        "[gitlab]\nrepository = https://git.example/simple\nusername = gitlab-ci-token\npassword = {V}\n",
    ),
    carrier(
        ".netrc",
        "machine git.example login gitlab-ci-token password {V}\n",
    ),
    carrier(
        "call.sh",
        "curl -u gitlab-ci-token:{V} https://git.example\n",
    ),
    carrier(
        "state.env",
        "TF_HTTP_USERNAME=gitlab-ci-token\nTF_HTTP_PASSWORD={V}\n",
    ),
    carrier(
        "header.sh",
        "curl --header \"JOB-TOKEN: {V}\" https://git.example/api/v4/job\n",
    ),
    carrier("settings.xml", "<name>Job-Token</name><value>{V}</value>\n"),
];

const NETRC: &[Carrier] = &[
    carrier(".netrc", "machine gitlab.example login me password {V}\n"),
    carrier(
        "lines.netrc",
        "machine gitlab.example\n  login me\n  password {V}\n",
    ),
    carrier(
        "tabs.netrc",
        "machine\tgitlab.example\n\tlogin\tme\n\tpassword\t{V}\n",
    ),
    carrier(
        "_netrc",
        "machine gitlab.example\r\nlogin me\r\npassword {V}\r\n",
    ),
    carrier(
        "account.netrc",
        "machine gitlab.example login me account a password {V}\n",
    ),
    carrier(
        "quoted.netrc",
        "machine gitlab.example login me password \"{V}\"\n",
    ),
    carrier(
        "reversed.netrc",
        "machine gitlab.example password {V} login me\n",
    ),
    carrier(
        "second.netrc",
        "machine git.example login a password b\nmachine gitlab.example login me password {V}\n",
    ),
    carrier(
        "echo.sh",
        "echo \"machine gitlab.example login me password {V}\" > ~/.netrc\n",
    ),
    carrier(
        "escaped.sh",
        "printf 'machine gitlab.example\\nlogin me\\npassword {V}\\n' > ~/.netrc\n",
    ),
    carrier(
        "heredoc.sh",
        "cat > ~/.netrc <<EOF\nmachine my-gitlab.example login me\npassword {V}\nEOF\n",
    ),
    carrier(
        "Dockerfile",
        "RUN echo 'machine GitLab.example login me password {V}' >> ~/.netrc\n",
    ),
];

const NPM_REGISTRY: &[Carrier] = &[
    carrier(
        ".npmrc",
        "//gitlab.example/api/v4/projects/7/packages/npm/:_authToken={V}\n",
    ),
    carrier(
        "quoted.npmrc",
        "//git.example/api/v4/packages/npm/:_authToken=\"{V}\"\n",
    ),
    carrier(
        "blanks.npmrc",
        "//git.example/api/v4/packages/npm/:_authToken = {V}\n",
    ),
    carrier(
        "crlf.npmrc",
        "//git.example/api/v4/packages/npm/:_authToken={V}\r\n",
    ),
    carrier(
        "old.npmrc",
        "'//git.example/api/v4/packages/npm/:_authToken'=\"{V}\"\n",
    ),
    carrier(
        "scoped.npmrc",
        "@a:registry=https://gitlab.example/api/v4/packages/npm/\n//gitlab.example/api/v4/packages/npm/:_authToken={V}\nalways-auth=true\n",
    ),
    carrier(
        "echo.sh",
        "echo \"//gitlab.example/api/v4/packages/npm/:_authToken={V}\" > .npmrc\n",
    ),
    carrier(
        "set.sh",
        "npm config set -- //gitlab.example/api/v4/packages/npm/:_authToken={V}\n",
    ),
    carrier(
        "Dockerfile",
        "RUN echo '//gitlab.example/:_authToken={V}' >> .npmrc\n",
    ),
    carrier(
        "ci.yml",
        "script:\n- echo '//gitlab.example/api/v4/npm/:_authToken={V}' > .npmrc\n",
    ),
    carrier(
        "escaped.json",
        "{\"npmrc\": \"//gitlab.example/:_authToken={V}\\n\"}\n",
    ),
    carrier(
        "secret.yaml",
        "stringData:\n  npmrc: |\n    //gitlab.example/:_authToken={V}\n",
    ),
    carrier(
        ".yarnrc.yml",
        "npmRegistries:\n  //gitlab.example/api/v4/packages/npm/:\n    npmAuthToken: \"{V}\"\n",
    ),
    carrier(
        ".yarnrc",
        "\"//gitlab.example/api/v4/packages/npm/:_authToken\" \"{V}\"\n",
    ),
    carrier(
        "words.sh",
        "npm config set //gitlab.example/api/v4/packages/npm/:_authToken {V}\n",
    ),
];

const TRIGGER_CALL: &[Carrier] = &[
    carrier(
        "form.sh",
        "curl -X POST -F token={V} -F ref=main https://git.example/api/v4/projects/7/trigger/pipeline\n",
    ),
    carrier(
        "quoted.sh",
        "curl -X POST -F \"token={V}\" -F \"ref=main\" https://git.example/api/v4/projects/7/trigger/pipeline\n",
    ),
    carrier(
        "long.sh",
        "curl --request POST --form 'token={V}' --form ref=main https://git.example/api/v4/projects/7/trigger/pipeline\n",
    ),
    carrier(
        "lines.sh",
        "curl -X POST \\\n  -F token={V} \\\n  -F ref=main \\\n  https://git.example/api/v4/projects/7/trigger/pipeline\n",
    ),
    carrier(
        "after.sh",
        "curl -X POST https://git.example/api/v4/projects/7/trigger/pipeline -F token={V} -F ref=main\n",
    ),
    carrier(
        "query.sh",
        "curl -X POST \"https://git.example/api/v4/projects/7/trigger/pipeline?token={V}&ref=main\"\n",
    ),
    carrier(
        "ref.sh",
        "curl -X POST \"https://git.example/api/v4/projects/7/ref/main/trigger/pipeline?token={V}\"\n",
    ),
    carrier(
        "data.sh",
        "curl -d 'token={V}&ref=main' https://git.example/api/v4/projects/7/trigger/pipeline\n",
    ),
    carrier(
        "wget.sh",
        "wget --post-data=\"token={V}\" https://git.example/api/v4/projects/7/trigger/pipeline\n",
    ),
    carrier(
        "hook.json",
        "{\"url\": \"https://git.example/api/v4/projects/7/ref/main/trigger/pipeline?token={V}\"}\n",
    ),
    carrier(
        "access.log",
        "10.0.0.1 - - \"POST /api/v4/projects/7/trigger/pipeline?ref=main&token={V} HTTP/1.1\" 201\n",
    ),
    carrier(
        "README.md",
        "Call `https://git.example/api/v4/projects/7/trigger/pipeline?token={V}` to start it.\n",
    ),
];

const CLIENT_SECRET: &[Carrier] = &[
    carrier(
        "settings.yml",
        "gitlab:\n  client_id: a\n  client_secret: {V}\n",
    ),
    carrier("quoted.yml", "gitlab:\n  client_secret: '{V}'\n"),
    carrier(".env", "GITLAB_CLIENT_ID=a\nGITLAB_CLIENT_SECRET={V}\n"),
    carrier("export.sh", "export GITLAB_OAUTH_SECRET=\"{V}\"\n"),
    carrier(
        "app.env",
        "GITLAB_URL=https://git.example\nAPP_SECRET={V}\n",
    ),
    carrier(
        "gitlab.rb",
        "gitlab_rails['omniauth'] = [{ \"app_secret\" => \"{V}\" }]\n",
    ),
    carrier(
        "settings.json",
        "{\"gitlab\": {\"client_secret\": \"{V}\"}}\n",
    ),
    carrier(
        "camel.json",
        "{\"provider\": \"gitlab\", \"clientSecret\": \"{V}\"}\n",
    ),
    carrier("settings.toml", "[oauth.gitlab]\nclient_secret = \"{V}\"\n"),
    carrier(
        "client.js",
        "new GitLabStrategy({ clientID: 'a', clientSecret: '{V}' })\n",
    ),
    carrier("client.py", "GITLAB_APPLICATION_SECRET = '{V}'\n"),
    carrier(
        "grafana.ini",
        "[auth.gitlab]\nenabled = true\nclient_secret = {V}\n",
    ),
    carrier(
        "main.tf",
        "resource \"gitlab_application\" \"a\" {\n  application_secret = \"{V}\"\n}\n",
    ),
];

const API_CALL: &[Carrier] = &[
    carrier(
        "call.sh",
        "curl -H \"Authorization: Bearer {V}\" https://git.example/api/v4/user\n",
    ),
    carrier(
        "before.sh",
        "curl https://git.example/api/v4/user -H 'Authorization: Bearer {V}'\n",
    ),
    carrier(
        "lines.sh",
        "curl \\\n  -H \"Authorization: Bearer {V}\" \\\n  https://gitlab.example/oauth/userinfo\n",
    ),
    carrier(
        "query.sh",
        "curl 'https://git.example/api/v4/user?access_token={V}'\n",
    ),
    carrier(
        "query.log",
        "GET https://gitlab.example/oauth/token/info?access_token={V} HTTP/1.1\n",
    ),
    carrier(
        "client.py",
        "gitlab.get(url, headers={\"Authorization\": \"Bearer {V}\"})\n",
    ),
    carrier(
        "client.js",
        "fetch(`${gitlab}/api/v4/user`, { headers: { authorization: 'Bearer {V}' } })\n",
    ),
    carrier(
        "client.go",
        "// GitLab\nrequest.Header.Set(\"Authorization\", \"Bearer {V}\")\n",
    ),
    carrier(
        "client.rb",
        "get 'https://git.example/api/v4/user', 'Authorization' => 'Bearer {V}'\n",
    ),
    carrier(
        "request.http",
        "GET /api/v4/user HTTP/1.1\r\nHost: git.example\r\nAuthorization: Bearer {V}\r\n\r\n",
    ),
    carrier(
        "recording.har",
        "{\"url\":\"https://git.example/api/v4/user\",\"headers\":[{\"name\":\"Authorization\",\"value\":\"Bearer {V}\"}]}\n",
    ),
    carrier("settings.yml", "gitlab:\n  header: 'bearer {V}'\n"),
];

const PASSWORD: &[Carrier] = &[
    carrier(
        "login.sh",
        "docker login -u me -p {V} registry.gitlab.example\n",
    ),
    carrier(
        "glued.sh",
        "docker login -u me -p{V} registry.gitlab.example\n",
    ),
    carrier(
        "quoted.sh",
        "docker login --username me --password \"{V}\" https://gitlab.example:5050\n",
    ),
    carrier(
        "lines.sh",
        "podman login \\\n  --username=me \\\n  --password={V} \\\n  gitlab.example:5050\n",
    ),
    carrier(
        "Dockerfile",
        "RUN docker login registry.gitlab.example -u me -p {V} && make\n",
    ),
    carrier(
        "ci.yml",
        "job:\n  before_script:\n    - docker login -u me -p \"{V}\" registry.gitlab.example\n",
    ),
    carrier(
        "helm.sh",
        "helm repo add a https://git.example/api/v4/projects/7/packages/helm/stable --username me --password {V}\n",
    ),
    carrier(
        "secret.sh",
        "kubectl create secret docker-registry a --docker-server=registry.gitlab.example --docker-username=me --docker-password={V}\n",
    ),
    carrier(
        "call.sh",
        "curl -u me:{V} https://gitlab.example/a/b/-/raw/main/c\n",
    ),
    carrier(
        "upload.sh",
        "curl --fail --user \"me:{V}\" --upload-file a.tgz \"https://git.example/api/v4/projects/7/packages/generic/a/1/a.tgz\"\n",
    ),
    carrier(
        "continued.sh",
        "curl \\\n  -u 'me:{V}' \\\n  https://gitlab.example/a\n",
    ),
    carrier(
        "run.log",
        "$ curl -sSL -u me:{V} https://gitlab.example/a > a\n",
    ),
    carrier(
        ".pypirc",
        "[distutils]\nindex-servers = gitlab\n\n[gitlab]\nrepository = https://git.example/api/v4/projects/7/packages/pypi\nusername = me\npassword = {V}\n\n[pypi]\nusername = a\n",
    ),
    carrier(
        "nuget.config",
        "<packageSources>\n  <add key=\"own\" value=\"https://git.example/api/v4/projects/7/packages/nuget/index.json\" />\n</packageSources>\n<packageSourceCredentials>\n  <own>\n    <add key=\"Username\" value=\"me\" />\n    <add key=\"ClearTextPassword\" value=\"{V}\" />\n  </own>\n</packageSourceCredentials>\n",
    ),
    carrier(
        "named.nuget.config",
        "<packageSourceCredentials><gitlab><add key=\"Username\" value=\"me\"/><add key=\"ClearTextPassword\" value=\"{V}\"/></gitlab></packageSourceCredentials>\n",
    ),
    carrier(
        "state.env",
        "TF_HTTP_ADDRESS=https://git.example/api/v4/projects/7/terraform/state/a\nTF_HTTP_USERNAME=me\nTF_HTTP_PASSWORD={V}\n",
    ),
    carrier(
        "init.sh",
        "terraform init \\\n  -backend-config=\"address=https://git.example/api/v4/projects/7/terraform/state/a\" \\\n  -backend-config=\"username=me\" \\\n  -backend-config=\"password={V}\"\n",
    ),
    carrier(
        "upload.env",
        "TWINE_PASSWORD={V}\nTWINE_REPOSITORY_URL=https://git.example/api/v4/projects/7/packages/pypi\n",
    ),
    carrier(
        "README.md",
        "Run `docker login -u me -p {V} registry.gitlab.example`.\n",
    ),
];

const TOKEN_RESPONSE: &[Carrier] = &[
    carrier(
        "token.json",
        "{\"access_token\":\"{V}\",\"token_type\":\"Bearer\",\"expires_in\":7200,\"refresh_token\":\"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\",\"scope\":\"read_user\",\"created_at\":1710000000}\n",
    ),
    carrier(
        "refresh.json",
        "{\"access_token\":\"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\",\"refresh_token\":\"{V}\",\"scope\":\"api read_api\"}\n",
    ),
    carrier(
        "pretty.json",
        "{\n  \"access_token\": \"{V}\",\n  \"refresh_token\": \"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\",\n  \"scope\": \"write_repository\"\n}\n",
    ),
    carrier(
        "gitlab.json",
        "{\"gitlab\": {\"refresh_token\": \"{V}\", \"access_token\": \"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\"}}\n",
    ),
    carrier(
        "escaped.json",
        "{\"body\": \"{\\\"access_token\\\":\\\"{V}\\\",\\\"refresh_token\\\":\\\"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\\\",\\\"scope\\\":\\\"read_api\\\"}\"}\n",
    ),
    carrier(
        "settings.yml",
        "gitlab:\n  access_token: {V}\n  refresh_token: deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\n",
    ),
    carrier(
        ".env",
        "GITLAB=1\naccess_token={V}\nrefresh_token=deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\n",
    ),
    carrier(
        "client.py",
        "# gitlab\ntokens = {'access_token': '{V}', 'refresh_token': 'deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef'}\n",
    ),
    carrier(
        "client.rb",
        "Gitlab.restore('access_token' => '{V}', 'refresh_token' => 'deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef')\n",
    ),
    carrier(
        "settings.toml",
        "[gitlab]\naccess_token = \"{V}\"\nrefresh_token = \"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\"\n",
    ),
    carrier(
        "cassette.yml",
        "uri: https://gitlab.example/oauth/token\nbody: '{\"access_token\":\"{V}\",\"refresh_token\":\"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\"}'\n",
    ),
    carrier(
        "run.log",
        "POST https://gitlab.example/oauth/token 200 {\"access_token\":\"{V}\",\"refresh_token\":\"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\"}\n",
    ),
];

const FEATURE_FLAGS: &[Carrier] = &[
    carrier(
        "settings.yml",
        "unleash:\n  url: https://git.example/api/v4/feature_flags/unleash/7\n  instance_id: {V}\n",
    ),
    carrier(
        ".env",
        "UNLEASH_URL=https://git.example/api/v4/feature_flags/unleash/7\nUNLEASH_INSTANCE_ID={V}\n",
    ),
    carrier(
        "before.env",
        "UNLEASH_INSTANCE_ID=\"{V}\"\nUNLEASH_URL=https://git.example/api/v4/feature_flags/unleash/7\n",
    ),
    carrier(
        "client.js",
        "initialize({ url: 'https://git.example/api/v4/feature_flags/unleash/7', instanceId: '{V}', appName: 'a' })\n",
    ),
    carrier(
        "client.go",
        "unleash.WithUrl(\"https://git.example/api/v4/feature_flags/unleash/7\"),\nunleash.WithInstanceId(\"{V}\"),\n",
    ),
    carrier(
        "Client.java",
        ".unleashAPI(\"https://git.example/api/v4/feature_flags/unleash/7\")\n.instanceId(\"{V}\")\n",
    ),
    carrier(
        "client.py",
        "UnleashClient(url=\"https://git.example/api/v4/feature_flags/unleash/7\", instance_id=\"{V}\")\n",
    ),
    carrier(
        "client.rb",
        "Unleash.configure do |c|\n  c.url = 'https://git.example/api/v4/feature_flags/unleash/7'\n  c.instance_id = '{V}'\nend\n",
    ),
    carrier(
        "settings.json",
        "{\"url\": \"https://git.example/api/v4/feature_flags/unleash/7\", \"instanceId\": \"{V}\"}\n",
    ),
    carrier(
        "call.sh",
        "curl \"https://git.example/api/v4/feature_flags/unleash/7/client/features?instance_id={V}\"\n",
    ),
    carrier(
        "header.sh",
        "curl -H \"UNLEASH-INSTANCEID: {V}\" https://git.example/api/v4/feature_flags/unleash/7/features\n",
    ),
    carrier(
        "app.properties",
        "unleash.url=https://git.example/api/v4/feature_flags/unleash/7\nunleash.instance-id={V}\n",
    ),
];

const REGISTRATION_TOKEN: &[Carrier] = &[
    carrier(
        "register.sh",
        "gitlab-runner register --registration-token {V} --url https://git.example\n",
    ),
    carrier(
        "quoted.sh",
        "gitlab-runner register --registration-token \"{V}\"\n",
    ),
    carrier(
        "equals.sh",
        "gitlab-runner register --registration-token='{V}'\n",
    ),
    carrier(
        "lines.sh",
        "gitlab-runner register \\\n  --non-interactive \\\n  --registration-token {V} \\\n  --executor docker\n",
    ),
    carrier(".env", "RUNNER_NAME=a\nREGISTRATION_TOKEN={V}\n"),
    carrier("export.sh", "export CI_RUNNER_REGISTRATION_TOKEN=\"{V}\"\n"),
    carrier(
        "values.yaml",
        "gitlabUrl: https://git.example\nrunnerRegistrationToken: \"{V}\"\n",
    ),
    carrier(
        "compose.yml",
        "services:\n  runner:\n    environment:\n      - REGISTRATION_TOKEN={V}\n",
    ),
    carrier("playbook.yml", "gitlab_runner_registration_token: '{V}'\n"),
    carrier(
        "main.tf",
        "module \"runner\" {\n  registration_token = \"{V}\"\n}\n",
    ),
    carrier(
        "gitlab.rb",
        "gitlab_rails['initial_shared_runners_registration_token'] = \"{V}\"\n",
    ),
    carrier(
        "register.ps1",
        "gitlab-runner.exe register --registration-token \"{V}\"\r\n",
    ),
    carrier(
        "Dockerfile",
        "RUN gitlab-runner register --registration-token {V} --executor shell\n",
    ),
    carrier(
        "runner.json",
        "{\"runner\": {\"registrationToken\": \"{V}\"}}\n",
    ),
];
