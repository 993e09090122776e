"""What the chart takes from the repository is what the repository has: versions, probes, rules, dashboards, networks of
the outbound guard, and time limits of the settings. What its README says is what it has.
"""

import ipaddress
import json
import math
import re
import tomllib
import unittest

import yaml

from chart_rendered import CHART, NAMES, ROOT, objects, only, pod, read, values

RUNBOOK = "https://huemill.example/observability/RUNBOOK.md"
# What the Prometheus Operator allows in a rule, of what Prometheus does.
RULE_KEYS = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}


def collapsed(networks):
    return list(ipaddress.collapse_addresses(map(ipaddress.ip_network, networks)))


class Originals(unittest.TestCase):
    def test_the_versions_are_those_of_the_program(self):
        version = tomllib.loads(read("Cargo.toml"))["workspace"]["package"]["version"]
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
        self.assertEqual((chart["version"], chart["appVersion"]), (version, version))

    def test_the_probes_are_the_recommended_ones(self):
        recommended = yaml.safe_load(read("observability/probes.yaml"))
        for name, port in (("default", "http"), ("monitored", "operations")):
            [container] = pod(objects(values(name)))["containers"]
            for probe, wanted in recommended.items():
                self.assertEqual(container[probe], {**wanted, "httpGet": {**wanted["httpGet"], "port": port}})
        changed = {"probes": {"readiness": {"failureThreshold": 3}}, "tls": {"existingSecret": "tls"}}
        probe = pod(objects(changed))["containers"][0]["readinessProbe"]
        self.assertEqual(
            (probe["failureThreshold"], probe["periodSeconds"], probe["httpGet"]["scheme"]), (3, 10, "HTTPS")
        )

    def test_rules_and_dashboards_are_the_repositorys_own(self):
        found = objects(values("monitored"))
        runbook = values("monitored")["monitoring"]["runbookUrl"]
        rules = sorted((ROOT / "observability/prometheus/rules").glob("*.yml"))
        dashboards = sorted((ROOT / "observability/grafana/dashboards").glob("*.json"))
        self.assertEqual((len(rules), len(dashboards)), (3, 4))
        for path in rules:
            spec = found["PrometheusRule", f"demo-huemill-{path.stem}"]["spec"]
            self.assertEqual(spec, yaml.safe_load(path.read_text(encoding="utf-8").replace(RUNBOOK, runbook)))
            self.assertLessEqual(
                {key for group in spec["groups"] for rule in group["rules"] for key in rule}, RULE_KEYS
            )
        for path in dashboards:
            item = found["ConfigMap", f"demo-huemill-{path.stem}-dashboard"]
            self.assertEqual(item["metadata"]["labels"]["grafana_dashboard"], "1")
            [text] = item["data"].values()
            self.assertEqual(json.loads(text), json.loads(path.read_text(encoding="utf-8").replace(RUNBOOK, runbook)))
        self.assertIn(
            RUNBOOK, read("observability/prometheus/rules/recording.yml"), "the address that the chart replaces"
        )

    def test_the_network_policy_closes_what_the_outbound_guard_closes(self):
        source = read("actors/src/outbound/address.rs")
        closed = [
            ipaddress.ip_network(f"{a}.{b}.{c}.{d}/{prefix}")
            for a, b, c, d, prefix in re.findall(r"\(v4\((\d+), (\d+), (\d+), (\d+), (\d+)\), Reason", source)
        ]
        segments = re.findall(r"v6\(\[(\w+), (\w+), (\w+)\], (\d+)\)", source)
        closed_v6 = [
            ipaddress.ip_network(
                (sum(int(part, 0) << shift for part, shift in zip(parts, (112, 96, 80), strict=True)), int(prefix))
            )
            for *parts, prefix in segments
        ]
        self.assertEqual((len(closed), len(closed_v6)), (20, 12))
        nat64 = int(ipaddress.ip_address("64:ff9b::"))
        translated = [ipaddress.ip_network((nat64 + int(net.network_address), 96 + net.prefixlen)) for net in closed]
        found = only(objects(values("monitored")), "NetworkPolicy")["spec"]["egress"]
        blocks = {
            ipaddress.ip_network(peer["ipBlock"]["cidr"]): peer["ipBlock"].get("except", []) for peer in found[1]["to"]
        }
        everything, public, nat = map(ipaddress.ip_network, ("0.0.0.0/0", "2000::/3", "64:ff9b::/96"))
        within = [net for net in closed_v6 if net != public and net.subnet_of(public)]
        for block, wanted in ((everything, closed), (public, within), (nat, translated)):
            self.assertEqual(collapsed(blocks.pop(block)), collapsed(wanted))
        self.assertEqual(blocks, {})

    def test_a_pod_has_the_time_that_the_settings_give_it_to_stop(self):
        defaults = tomllib.loads(read("config/default.toml"))
        for name in NAMES:
            settings = values(name).get("settings", {})
            server = {**defaults["server"], **settings.get("server", {})}
            jobs = {**defaults["jobs"], **settings.get("jobs", {})}
            found = pod(objects(values(name)))
            hook = found["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            limits = (
                hook
                + math.ceil(server["shutdown_delay_ms"] / 1000)
                + server["drain_seconds"]
                + jobs["drain_timeout_seconds"]
            )
            self.assertEqual(found["terminationGracePeriodSeconds"], limits + 25, name)
        ports = only(objects({"networkPolicy": {"enabled": True}}), "NetworkPolicy")["spec"]["egress"][1]["ports"]
        self.assertEqual([port["port"] for port in ports], defaults["outbound"]["allow_ports"])

    def test_the_schema_has_the_sections_of_the_settings(self):
        schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
        sections = set(tomllib.loads(read("config/default.toml"))) - {"data", "public"}
        self.assertEqual(set(schema["properties"]["settings"]["properties"]), sections)

    def test_the_autoscaler_asks_for_metrics_that_the_readme_has_rules_for(self):
        readme = (CHART / "README.md").read_text(encoding="utf-8")
        [rules] = [
            block
            for block in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL))
            if "rules" in block
        ]
        rules = rules["rules"]["custom"] + rules["rules"]["external"]
        provided = {rule["name"]["as"]: re.match(r"\w+", rule["seriesQuery"])[0] for rule in rules}
        metrics = only(objects(values("postgresql")), "HorizontalPodAutoscaler")["spec"]["metrics"]
        wanted = [
            metric[metric["type"].lower()]["metric"]["name"] for metric in metrics if metric["type"] != "Resource"
        ]
        self.assertEqual(sorted(wanted), sorted(provided))
        for series in provided.values():
            self.assertIn(f"| `{series}` | gauge |", read("observability/README.md"))

    def test_the_readme_lists_only_values_that_there_are(self):
        readme = (CHART / "README.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (`.*?`) \|", readme.split("## Values")[1], re.MULTILINE)
        names = [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]
        self.assertGreater(len(names), 20)
        for name in names:
            value = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
            for part in name.split("."):
                self.assertIn(part, value, name)
                value = value[part]
