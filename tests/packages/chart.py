"""The Helm chart: it renders what Kubernetes accepts and the service understands, and refuses values that cannot work.

Rendered objects are compared with the files in chart/, one for each set of values there; HUEMILL_UPDATE_SNAPSHOTS=1
writes them anew. The schemas of Kubernetes are a library of Python (chart/requirements.txt). `chart.rs` runs this file,
with the service's program in HUEMILL_TEST_BINARY and the folder of a certificate in HUEMILL_TEST_TLS.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import tomllib
import unittest

import helm_python
import kubernetes_validate
import yaml

from chart_originals import Originals  # noqa: F401, unittest runs it
from chart_refusals import REFUSALS
from chart_rendered import CHART, NAMES, SETS, objects, only, pod, render, values, workload

# The oldest version that Chart.yaml admits, and the newest that there are schemas of.
KUBERNETES = ("1.30", "1.37")
# What the definitions of the Prometheus Operator allow, of what the chart writes.
CUSTOM = {
    "ServiceMonitor": {"selector", "endpoints"},
    "PrometheusRule": {"groups"},
}


def without_copies(name, text):
    """A rendered file without the contents that it copies: they are compared with their originals."""
    if name not in ("dashboards.yaml", "prometheusrules.yaml"):
        return text
    lines = []
    for line in text.splitlines():
        if line.startswith(("  huemill-", "spec:")):
            lines.append(f"{line}  # …")
        elif not lines or not lines[-1].endswith("# …") or line == "---":
            lines.append(line)
    return "\n".join(lines) + "\n"


class Rendering(unittest.TestCase):
    def test_what_is_rendered_is_what_is_committed(self):
        for name in NAMES:
            files = sorted(render(values(name)).items())
            text = "".join(f"### {file}\n{without_copies(file, text).strip()}\n\n" for file, text in files)
            snapshot = SETS / f"{name}.rendered.txt"
            if os.environ.get("HUEMILL_UPDATE_SNAPSHOTS"):
                snapshot.write_text(text, encoding="utf-8")
            self.assertEqual(text, snapshot.read_text(encoding="utf-8"), f"{name}: run with HUEMILL_UPDATE_SNAPSHOTS=1")

    def test_the_linter_finds_nothing(self):
        for name in NAMES:
            report = helm_python.lint(CHART, values(name), strict=True)
            # Severity 1 is advice: an icon is recommended.
            found = [message for message in report["messages"] if message["severity"] > 1]
            self.assertEqual((found, report["errors"]), ([], []), name)

    def test_kubernetes_accepts_every_object(self):
        for name in NAMES:
            for (kind, object_name), item in objects(values(name)).items():
                with self.subTest(values=name, kind=kind, name=object_name):
                    self.assertRegex(object_name, r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
                    if kind in CUSTOM:
                        self.assertEqual(item["apiVersion"], "monitoring.coreos.com/v1")
                        self.assertEqual(set(item["spec"]), CUSTOM[kind])
                    else:
                        for version in KUBERNETES:
                            kubernetes_validate.validate(item, version, strict=True)

    def test_the_package_is_complete_without_the_repository(self):
        with tempfile.TemporaryDirectory() as folder:
            package = helm_python.package(CHART, destination=folder)
            self.assertEqual(render(values("monitored"), package), render(values("monitored")))
            # Helm keeps a release in a Secret, which holds a megabyte.
            self.assertLess(pathlib.Path(package).stat().st_size, 200_000)

    def test_a_checkout_without_symbolic_links_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "huemill"
            shutil.copytree(CHART, copy)
            # What Git makes of a link where there are none.
            (copy / "files/probes.yaml").write_text("../../../../observability/probes.yaml", encoding="utf-8")
            with self.assertRaisesRegex(helm_python.HelmError, "links are not resolved"):
                render({}, copy)

    def test_the_parts_of_a_release_fit_together(self):
        for name in NAMES:
            found = objects(values(name))
            labels, spec = workload(found)["spec"]["template"]["metadata"]["labels"], pod(found)
            [container] = spec["containers"]
            ports = {port["name"] for port in container["ports"]}
            for (kind, object_name), item in found.items():
                with self.subTest(values=name, kind=kind, name=object_name):
                    chosen = item.get("spec", {}).get("selector") or item.get("spec", {}).get("podSelector") or {}
                    self.assertLessEqual(dict(chosen.get("matchLabels", chosen)).items(), labels.items())
                    if kind == "Service":
                        self.assertLessEqual({port["targetPort"] for port in item["spec"]["ports"]}, ports)
            self.assertLessEqual(
                {mount["name"] for mount in container["volumeMounts"]}, {volume["name"] for volume in spec["volumes"]}
            )
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                self.assertIn(container[probe]["httpGet"]["port"], ports)

    def test_pods_run_without_privileges(self):
        for name in NAMES:
            found = objects(values(name))
            for spec in (pod(found), only(found, "Pod")["spec"]):
                self.assertFalse(spec["automountServiceAccountToken"])
                shared, own = spec["securityContext"], spec["containers"][0]["securityContext"]
                self.assertTrue(shared["runAsNonRoot"] and own["readOnlyRootFilesystem"])
                self.assertEqual(shared["seccompProfile"], {"type": "RuntimeDefault"})
                self.assertEqual((own["allowPrivilegeEscalation"], own["capabilities"]), (False, {"drop": ["ALL"]}))

    def test_a_change_of_settings_or_secrets_replaces_the_pods(self):
        def checksums(changes):
            return workload(objects(changes))["spec"]["template"]["metadata"]["annotations"]

        plain = checksums({})
        self.assertNotEqual(plain, checksums({"settings": {"workers": {"count": 2}}}))
        with_token = [checksums({"secrets": {"operatorToken": {"value": token * 16}}}) for token in "ab"]
        self.assertEqual(len({json.dumps(item) for item in [plain, *with_token]}), 3)

    def test_settings_are_toml_whatever_is_in_them(self):
        settings = {
            "log": {"filter": 'a"b\\c\n<&>é\u2028{{ x }}'},
            "cors": {"origins": ["https://*.example.org", "'"]},
            "health": {"memory_used_ratio": 1e-7},
            "jobs": {"blob_limit_bytes": 10**18},
        }
        rendered = objects({"settings": settings})["ConfigMap", "demo-huemill-settings"]
        self.assertEqual(tomllib.loads(rendered["data"]["huemill.toml"]), settings)

    def test_values_that_cannot_work_are_refused(self):
        for text, reason in REFUSALS.items():
            with self.subTest(values=text):
                with self.assertRaises(helm_python.HelmError) as refused:
                    render(yaml.safe_load(text))
                self.assertIn(reason, str(refused.exception))


class Service(unittest.TestCase):
    """The program itself, with the settings, the environment and the files of the rendered pods."""

    def test_the_service_accepts_what_is_rendered(self):
        for name in NAMES:
            with tempfile.TemporaryDirectory() as folder:
                effective = self.check(objects(values(name)), pathlib.Path(folder))
            for section, keys in values(name).get("settings", {}).items():
                self.assertEqual({key: effective[section][key] for key in keys}, keys, f"{name}: {section}")
            server = effective["server"]
            self.assertEqual((server["port"], effective["data"]["dir"]), (8080, "/data"))
            self.assertEqual(server["host"], values(name).get("listenAddress", "0.0.0.0"))
            self.assertEqual(server["operations"], "0.0.0.0:9090" if name == "monitored" else "")
            self.assertEqual(effective["blobs"]["url"], values(name).get("blobs", {}).get("url", ""))
            self.assertEqual(bool(effective["store"]["url"]), name == "postgresql")

    def check(self, found, folder):
        """The settings in effect, as `huemill check` prints them."""
        [container] = pod(found)["containers"]
        self.mount(pod(found), found, folder)
        environment = {item["name"]: item["value"].replace("/etc/huemill", str(folder)) for item in container["env"]}
        arguments = [argument.replace("/etc/huemill", str(folder)) for argument in container["args"][1:]]
        program = [os.environ["HUEMILL_TEST_BINARY"], "check", *arguments]
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return tomllib.loads(done.stdout)

    def mount(self, spec, found, folder):
        """Writes the files that the pod sees below /etc/huemill. Secrets of others have values of their form."""
        samples = {"uri": "postgres://huemill:word@database/huemill"}
        for volume in spec["volumes"]:
            if volume["name"] == "settings":
                data = found["ConfigMap", volume["configMap"]["name"]]["data"]
                (folder / "huemill.toml").write_text(data["huemill.toml"], encoding="utf-8")
            elif volume["name"] == "tls":
                (folder / "tls").symlink_to(os.environ["HUEMILL_TEST_TLS"])
            elif volume["name"] == "secrets":
                (folder / "secrets").mkdir()
                for source in volume["projected"]["sources"]:
                    [item] = source["secret"]["items"]
                    own = found.get(("Secret", source["secret"]["name"]), {"data": {}})["data"].get(item["key"])
                    text = (
                        base64.b64decode(own).decode()
                        if own
                        else samples.get(item["key"], "sixteen or more characters")
                    )
                    (folder / "secrets" / item["path"]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    unittest.main()
