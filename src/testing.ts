/** The test kit: a whole squadron in memory, on the test's own clock, with agents as functions. */
export { scriptedAgent, testSquadronLayer, until } from "./app/testSquadron.ts"
