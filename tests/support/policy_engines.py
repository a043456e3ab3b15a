"""Two other evaluators behind one call, for second opinions. Neither is part of the package."""

import json
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

NPM_PACKAGE = "@cloud-copilot/iam-simulate@0.1.173"
_NODE = """
const { runSimulation, anonymousPrincipal } = require('@cloud-copilot/iam-simulate');
const readline = require('readline');
(async () => {
  const cases = [];
  for await (const line of readline.createInterface({ input: process.stdin })) cases.push(JSON.parse(line));
  const answers = [];
  const started = process.hrtime.bigint();
  for (const c of cases) {
    const account = c.request.principal.split(':')[4] || '111122223333';
    try {
      const answer = await runSimulation({
        request: {
          principal: c.request.principal === '*' ? anonymousPrincipal : c.request.principal,
          action: c.request.action,
          resource: { resource: c.request.resource, accountId: c.request.resourceAccount || account },
          contextVariables: c.request.context,
        },
        sessionPolicy: c.sessionPolicy === null ? undefined : c.sessionPolicy,
        identityPolicies: c.identityPolicies.map((policy, i) => ({ name: 'p' + i, policy })),
        serviceControlPolicies: [], resourceControlPolicies: [],
        resourcePolicy: c.resourcePolicy === null ? undefined : c.resourcePolicy,
      }, {});
      answers.push(answer.resultType === 'error' ? 'invalid' : answer.overallResult);
    } catch (error) { answers.push('error'); }
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  process.stdout.write(JSON.stringify({ answers, seconds }));
})();
"""
_NPM_WORDS = {
    "Allowed": "allow",
    "ImplicitlyDenied": "implicit-deny",
    "ExplicitlyDenied": "explicit-deny",
    "invalid": "invalid",
    "error": "error",
}


def ministack_engine():
    """Return a function from a prepared case to a verdict,
    with MiniStack's evaluator given our complete context.
    """
    from ministack.core import iam_evaluator

    # The emulator fills some keys by itself; here the context is complete and nothing else may
    # enter.
    iam_evaluator._resolve_condition_key = lambda key, ctx: ctx.service_context.get(key.lower())
    words = {"Allow": "allow", "Deny": "explicit-deny", "ImplicitDeny": "implicit-deny"}

    def prepare(case):
        request = case["request"]
        account = (
            request["principal"].split(":")[4] if request["principal"].startswith("arn:") else ""
        )
        context = iam_evaluator.EvalContext(
            principal_arn=request["principal"],
            principal_type="AssumedRole",
            principal_account=account,
            action=request["action"],
            resource_arn=request["resource"],
            region="us-east-1",
            source_ip="",
            secure_transport=True,
            service_context={name.lower(): value for name, value in request["context"].items()},
        )
        identity = [iam_evaluator.parse_policy_document(each) for each in case["identityPolicies"]]
        session = case["sessionPolicy"]
        limits = [] if session is None else [[iam_evaluator.parse_policy_document(session)]]
        return context, identity, limits, case["resourcePolicy"], request.get("resourceAccount")

    def decide(prepared):
        context, identity, limits, resource, owner = prepared
        own = iam_evaluator.evaluate(context, identity, *limits)
        if resource is not None:
            own = iam_evaluator.combine_resource_policy(
                own, context, resource, owner, limits=tuple(limits)
            )
        elif owner not in (None, context.principal_account) and own.decision == "Allow":
            return "implicit-deny"
        return words[own.decision]

    return prepare, decide


@lru_cache(maxsize=1)
def npm_folder():
    """Install the npm engine into a temporary folder; None if node,
    npm or the registry is missing.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    folder = Path(tempfile.mkdtemp(prefix="gts-npm-"))
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", NPM_PACKAGE]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None
    (folder / "run.js").write_text(_NODE)
    return folder


def npm_answers(cases):
    """Return the verdicts of the npm engine and the seconds it took;
    policies given as raw text are parsed before.
    """

    def parsed(policy):
        return json.loads(policy) if isinstance(policy, str) else policy

    lines = "\n".join(
        json.dumps(
            {
                **case,
                "identityPolicies": [parsed(each) for each in case["identityPolicies"]],
                "sessionPolicy": parsed(case["sessionPolicy"]),
                "resourcePolicy": parsed(case["resourcePolicy"]),
            }
        )
        for case in cases
    )
    done = subprocess.run(
        ["node", "run.js"],
        cwd=npm_folder(),
        input=lines,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    answer = json.loads(done.stdout)
    return [_NPM_WORDS[word] for word in answer["answers"]], answer["seconds"]
