// Policy cases, one JSON object a line, decided by @cloud-copilot/iam-simulate: a process of its own that
// the tests talk to. The package lies in the folder that POSTERN_IAM_SIMULATE names.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import path from 'node:path'

const require = createRequire(path.join(process.env.POSTERN_IAM_SIMULATE, 'package.json'))
const { runSimulation, anonymousPrincipal } = require('@cloud-copilot/iam-simulate')

const decide = async (given) => {
  const { principal, action, resource, context } = given.request
  const answer = await runSimulation(
    {
      request: {
        principal: principal === '*' ? anonymousPrincipal : principal,
        action,
        resource: { resource: resource.arn, accountId: resource.accountId },
        contextVariables: context,
      },
      identityPolicies: given.identityPolicies,
      serviceControlPolicies: given.serviceControlPolicies ?? [],
      resourceControlPolicies: given.resourceControlPolicies ?? [],
      resourcePolicy: given.resourcePolicy,
      permissionBoundaryPolicies: given.permissionBoundaryPolicies,
      sessionPolicy: given.sessionPolicy,
    },
    {},
  )
  if (answer.resultType === 'error') return { error: JSON.stringify(answer.errors) }
  const ignored = answer.result?.ignoredContextKeys ?? []
  return ignored.length ? { error: `ignores ${ignored}` } : { decision: answer.overallResult }
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line)
  const answer = await decide(given).catch((error) => ({ error: String(error) }))
  process.stdout.write(JSON.stringify({ id: given.id, ...answer }) + '\n')
}
