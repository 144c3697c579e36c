// Judges requests by a resource policy: one JSON object a line on stdin, one
// answer a line on stdout, in the same order. The argument is the folder that
// the simulator was installed into.
//
// The resource belongs to an account that no principal can be of, and whoever
// signs has an identity policy that allows everything: what is left to decide is
// the resource policy.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const load = createRequire(join(process.argv[2], 'package.json'))
const { anonymousPrincipal, runSimulation } = load('@cloud-copilot/iam-simulate')

const owner = 'not-an-account'
const everything = {
  name: 'everything',
  policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
}

async function judge({ policy, principal, action, resource, context }) {
  const result = await runSimulation(
    {
      request: {
        principal: principal ?? anonymousPrincipal,
        action,
        resource: { resource, accountId: owner },
        contextVariables: context
      },
      identityPolicies: principal ? [everything] : [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policy
    },
    {}
  )
  if (result.resultType === 'error') {
    const refusal = result.errors.resourcePolicyErrors?.[0]
    return { error: refusal ? `policy refused: ${refusal.message}` : result.errors.message }
  }
  return { effect: result.overallResult, ignored: result.result?.ignoredContextKeys ?? [] }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await judge(JSON.parse(line)).catch((thrown) => ({ error: `threw: ${thrown.message}` }))
  process.stdout.write(JSON.stringify(answer) + '\n')
}
