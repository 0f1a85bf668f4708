//! The files that tokens leak in, each with one place for a value.
//!
//! [`ANY`] are for whatever is found without a context; a token that nothing but its place tells has
//! carriers of its own in [`of_context`], at least [`FEWEST`] each.

mod placed;

pub(super) use self::placed::of_context;

/// The fewest carriers that each form is tried in.
pub(super) const FEWEST: usize = 12;

/// Marks the place of the value.
const PLACE: &str = "{V}";

/// A file with one place for a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    /// The name of the file, which also names the carrier.
    pub(super) file: &'static str,
    text: &'static str,
}

impl Carrier {
    /// What stands before the value and what after it.
    pub(super) fn around(&self) -> (&'static str, &'static str) {
        self.text.split_once(PLACE).unwrap()
    }

    /// Whether it is more than text.
    pub(super) fn is_binary(&self) -> bool {
        self.text.contains('\0')
    }
}

const fn carrier(file: &'static str, text: &'static str) -> Carrier {
    Carrier { file, text }
}

/// For tokens that need nothing around them, and for whole addresses and cookies.
pub(super) const ANY: &[Carrier] = &[
    carrier(
        "export.sh",
        "#!/bin/sh\nset -eu\nexport API_TOKEN=\"{V}\"\n./deploy.sh\n",
    ),
    carrier(".env", "APP_ENV=production\nAPI_TOKEN={V}\nDEBUG=0\n"),
    carrier(
        "settings.yml",
        "service:\n  url: https://git.example\n  credential: {V}\n  retries: 3\n",
    ),
    carrier("quoted.yaml", "a: 1\nb: ['x', '{V}', 'y']\n"),
    carrier(
        "block.yml",
        "note: |\n  the credential is\n  {V}\n  until May\nend: true\n",
    ),
    carrier(
        "compose.yaml",
        "services:\n  app:\n    environment:\n      - API_TOKEN={V}\n      - MODE=a\n",
    ),
    carrier(
        "docker-compose.yml",
        "services:\n  app:\n    environment:\n      API_TOKEN: \"{V}\"\n      MODE: a\n",
    ),
    carrier(
        "secret.k8s.yaml",
        "apiVersion: v1\nkind: Secret\nstringData:\n  credential: \"{V}\"\n",
    ),
    carrier(
        "settings.json",
        "{\n  \"url\": \"https://git.example\",\n  \"credential\": \"{V}\"\n}\n",
    ),
    carrier(
        "nested.json",
        "{\"body\": \"{\\\"credential\\\": \\\"{V}\\\", \\\"a\\\": 1}\"}\n",
    ),
    carrier(
        "escapes.json",
        "{\"script\": \"set -e\\n{V}\\nexit 0\\n\"}\n",
    ),
    carrier(
        "settings.toml",
        "[remote]\nname = \"origin\"\ncredential = '{V}'\n",
    ),
    carrier(
        "pip.conf",
        "[global]\nindex-url = https://__token__:{V}@git.example/simple\n",
    ),
    carrier(
        "app.properties",
        "# generated\ngit.credential={V}\ngit.retries=3\n",
    ),
    carrier(
        "settings.xml",
        "<settings><servers><server>\n  <id>git</id>\n  <configuration><httpHeaders><property>\n    <name>Private-Header</name><value>{V}</value>\n  </property></httpHeaders></configuration>\n</server></servers></settings>\n",
    ),
    carrier(
        "client.py",
        "import os\n\nclient = Client(\"https://git.example\", credential=\"{V}\")\n",
    ),
    carrier(
        "client.js",
        "const headers = { 'Private-Header': '{V}', accept: '*/*' };\n",
    ),
    carrier(
        "client.ts",
        "const line: string = `credential ${name} {V} end`;\n",
    ),
    carrier(
        "app.min.js",
        "!function(e,t){var n=\"{V}\",r=t(0);e.exports=function(o){return r(n,o)}}(module,require);\n",
    ),
    carrier(
        "client.go",
        "package main\n\nvar credential = `{V}`\n\nfunc main() {}\n",
    ),
    carrier(
        "client.rb",
        "client = Client.new(endpoint: 'https://git.example', credential: '{V}')\n",
    ),
    carrier(
        "Client.java",
        "class Client {\n    private static final String C = \"{V}\";\n}\n",
    ),
    carrier("client.php", "<?php\ndefine('CREDENTIAL', '{V}');\n"),
    carrier("client.rs", "const CREDENTIAL: &str = \"{V}\";\n"),
    carrier("client.h", "#define CREDENTIAL \"{V}\" /* old */\n"),
    carrier(
        "call.sh",
        "curl --silent \\\n  --header \"Private-Header: {V}\" \\\n  https://git.example/x\n",
    ),
    carrier(
        "history",
        ": 1710000000:0;tool login -p {V} host\n: 1710000009:0;ls\n",
    ),
    carrier(
        "Dockerfile",
        "FROM alpine:3\nARG VERSION=1\nENV API_TOKEN={V} MODE=a\nRUN make\n",
    ),
    carrier(
        "main.tf",
        "provider \"git\" {\n  base_url = \"https://git.example\"\n  token    = \"{V}\"\n}\n",
    ),
    carrier(
        "terraform.tfstate",
        "{\"version\": 4, \"resources\": [{\"instances\": [{\"attributes\": {\"token\": \"{V}\"}}]}]}\n",
    ),
    carrier(
        "notebook.ipynb",
        "{\"cells\": [{\"cell_type\": \"code\", \"source\": [\"import x\\n\", \"c = \\\"{V}\\\"\\n\"]}]}\n",
    ),
    carrier(
        "page.html",
        "<!doctype html>\n<p>The credential is <code>{V}</code>.</p>\n",
    ),
    carrier(
        "attribute.html",
        "<input type=hidden name=c value=\"{V}\">\n",
    ),
    carrier(
        "table.csv",
        "name,credential,until\r\nrelease,{V},2027-01-01\r\n",
    ),
    carrier(
        "README.md",
        "# Set-up\n\n1. Log in with `{V}`, then\n2. run it.\n",
    ),
    carrier(
        "prose.txt",
        "Ask Zoë – sie kennt «alles» – for {V}; it works until Mai.\n",
    ),
    carrier("quoted.eml", "Subject: access\n\n> > hello\n> {V}\n> bye\n"),
    carrier(
        "job.log",
        "2026-11-20T10:00:00.123Z 01O \u{1b}[32;1m$ login \u{1b}[0;m{V}\u{1b}[0;m\n",
    ),
    carrier(
        "dump.sql",
        "INSERT INTO t VALUES (7,'release','{V}',NULL);\n",
    ),
    carrier(
        "change.diff",
        "@@ -1,2 +1,2 @@\n context\n-API_TOKEN=old\n+API_TOKEN={V}\n",
    ),
    carrier(
        "profile.ps1",
        "$env:API_TOKEN = '{V}'\r\nWrite-Host done\r\n",
    ),
    carrier("login.bat", "@echo off\r\nset API_TOKEN={V}\r\n"),
    carrier("Makefile", "API_TOKEN ?= {V}\n\ndeploy:\n\t./deploy.sh\n"),
    carrier(
        "proxy.conf",
        "location / {\n  proxy_set_header Private-Header {V};\n}\n",
    ),
    carrier(
        "recording.har",
        "{\"log\":{\"entries\":[{\"request\":{\"headers\":[{\"name\":\"x\",\"value\":\"{V}\"}]}}]}}\n",
    ),
    carrier(
        "unit.service",
        "[Service]\nEnvironment=MODE=a \"API_TOKEN={V}\"\nExecStart=/bin/true\n",
    ),
    carrier("heap.bin", "\0\u{1}\u{2}API_TOKEN\0{V}\0\u{7f}\0end"),
    carrier("lines.txt", "first\n{V}\nlast\n"),
    carrier("alone.txt", "{V}"),
];

/// Where nothing but a bare token may stand.
pub(super) const BARE: &[Carrier] = &[
    carrier(
        "git.config",
        "[remote \"origin\"]\n\turl = https://oauth2:{V}@git.example/a/b.git\n",
    ),
    carrier("clone.sh", "git clone https://{V}@git.example/a/b.git\n"),
    carrier(
        "insteadof.config",
        "[url \"https://oauth2:{V}@git.example/\"]\n\tinsteadOf = https://git.example/\n",
    ),
    carrier(
        "header.config",
        "[http \"https://git.example/\"]\n\textraHeader = Authorization: Bearer {V}\n",
    ),
    carrier(".git-credentials", "https://me:{V}@git.example\n"),
    carrier(
        ".pypirc",
        "[gitlab]\nrepository = https://git.example/simple\nusername = me\npassword = {V}\n",
    ),
    carrier(
        ".npmrc",
        "@a:registry=https://git.example/api/v4/npm/\n//git.example/api/v4/npm/:_authToken={V}\n",
    ),
    carrier(
        ".netrc",
        "machine git.example\n  login me\n  password {V}\n",
    ),
    carrier(
        "config.toml",
        "concurrent = 2\n\n[[runners]]\n  name = \"a\"\n  token = \"{V}\"\n",
    ),
    carrier("query.log", "GET /x?private_token={V}&page=2 HTTP/1.1\n"),
    carrier("defaults.sh", "TOKEN=\"${TOKEN:-{V}}\"\n"),
];

/// Where base64 of a user and a password stands.
pub(super) const LOGINS: &[Carrier] = &[
    carrier(
        "config.json",
        "{\"auths\": {\"registry.gitlab.example\": {\"auth\": \"{V}\"}}}\n",
    ),
    carrier(
        "pretty.config.json",
        "{\n\t\"auths\": {\n\t\t\"https://gitlab.example:5050\": {\n\t\t\t\"auth\": \"{V}\"\n\t\t}\n\t},\n\t\"credsStore\": \"\"\n}\n",
    ),
    carrier(
        "header.config",
        "[http \"https://gitlab.example/\"]\n\textraHeader = Authorization: Basic {V}\n",
    ),
    carrier(
        "call.sh",
        "curl -H \"Authorization: Basic {V}\" https://gitlab.example/a.git/info/refs\n",
    ),
    carrier(
        "ci.yml",
        "variables:\n  DOCKER_AUTH_CONFIG: '{\"auths\": {\"registry.gitlab.example\": {\"auth\": \"{V}\"}}}'\n",
    ),
    carrier(
        "request.http",
        "GET /api/v4/user HTTP/1.1\r\nHost: git.example\r\nAuthorization: Basic {V}\r\n\r\n",
    ),
];

/// Where a value of several lines may stand.
pub(super) const LINES: &[Carrier] = &[
    carrier("alone.b64", "{V}\n"),
    carrier(
        "armoured.txt",
        "-----BEGIN DATA-----\n{V}\n-----END DATA-----\n",
    ),
    carrier(
        "part.eml",
        "Content-Transfer-Encoding: base64\r\n\r\n{V}\r\n--part--\r\n",
    ),
    carrier(
        "secret.yaml",
        "data:\n  settings: |\n    {V}\n  other: eA==\n",
    ),
    carrier("folded.yaml", "data:\n  settings: >-\n    {V}\nend: true\n"),
    carrier(
        "cloud-init.yml",
        "write_files:\n- encoding: b64\n  content: |\n    {V}\n",
    ),
    carrier("element.xml", "<data>\n{V}\n</data>\n"),
    carrier("page.html", "<pre>\n{V}</pre>\n"),
    carrier("settings.toml", "data = \"\"\"\n{V}\n\"\"\"\n"),
    carrier("client.py", "DATA = b64decode('''\n{V}\n''')\n"),
    carrier("client.js", "const data = `\n{V}\n`;\n"),
    carrier("heredoc.sh", "base64 -d > settings <<EOF\n{V}\nEOF\n"),
    carrier("README.md", "```\n{V}\n```\n"),
];
