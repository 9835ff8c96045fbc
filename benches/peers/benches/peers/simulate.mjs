// One workload, decided by @cloud-copilot/iam-simulate: verdicts first, then decisions per second.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import path from 'node:path'

const require = createRequire(path.join(process.env.POSTERN_IAM_SIMULATE, 'package.json'))
const { runSimulation, runUnsafeSimulation } = require('@cloud-copilot/iam-simulate')

const given = JSON.parse(readFileSync(0, 'utf8'))
const simulations = given.requests.map(({ action, resource, context }) => ({
  request: {
    principal: given.principal,
    action,
    resource: { resource, accountId: given.owner ?? (resource.split(':')[4] || '111111111111') },
    contextVariables: context,
  },
  identityPolicies: given.policies,
  serviceControlPolicies: [],
  resourceControlPolicies: [],
  resourcePolicy: given.resourcePolicy ?? undefined,
}))
// The quicker entry point fails on every resource policy; those go through the one that validates first.
const decide = given.resourcePolicy
  ? async (simulation) => (await runSimulation(simulation, {})).overallResult === 'Allowed'
  : (simulation) => runUnsafeSimulation(simulation, {}) === 'Allowed'
const verdicts = []
for (const simulation of simulations) verdicts.push(await decide(simulation))
const start = process.hrtime.bigint()
let done = 0
let seconds = 0
while (seconds < 2) {
  for (const simulation of simulations.slice(0, 200)) await decide(simulation)
  done += 200
  seconds = Number(process.hrtime.bigint() - start) / 1e9
}
process.stdout.write(JSON.stringify({ verdicts, rate: done / seconds }))
