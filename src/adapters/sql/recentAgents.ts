import { type Agent, isLive } from "../../domain/Agent.ts"
import * as Subject from "../../domain/Subject.ts"

/**
 * The live agents of the subjects that were asked for last, as the last commit left them, so that deciding seldom reads
 * back what was just written. Of a subject it knows all of them or nothing. Right only where one process writes.
 */
export const recentAgents = (capacity: number) => {
  const rosters = new Map<string, Map<string, Agent>>()
  const subjects = new Map<string, string>()
  // the newest read of each subject; a commit meanwhile makes what is read worthless
  const reading = new Map<string, object>()

  const forget = (subject: string) => {
    for (const id of rosters.get(subject)?.keys() ?? []) subjects.delete(id)
    rosters.delete(subject)
  }

  const loaded = (wanted: ReadonlyArray<string>, token: object, agents: ReadonlyArray<Agent>) => {
    const fresh = new Set(wanted.filter((subject) => reading.get(subject) === token))
    for (const subject of fresh) {
      reading.delete(subject)
      forget(subject)
      rosters.set(subject, new Map())
    }
    for (const agent of agents) {
      const subject = Subject.key(agent.subject)
      if (!fresh.has(subject)) continue
      rosters.get(subject)?.set(agent.id, agent)
      subjects.set(agent.id, subject)
    }
    for (const subject of rosters.keys()) {
      if (rosters.size <= capacity) break
      forget(subject)
    }
  }

  return {
    get: (id: string): Agent | undefined => rosters.get(subjects.get(id) ?? "")?.get(id),

    /** The live agents on a subject, undefined where that is not known. */
    roster: (subject: string): ReadonlyMap<string, Agent> | undefined => rosters.get(subject),

    /** Says that these subjects are being read now; the answer is to be called with all their live agents. */
    read: (wanted: ReadonlyArray<string>) => {
      const token = {}
      for (const subject of wanted) reading.set(subject, token)
      return (agents: ReadonlyArray<Agent>) => loaded(wanted, token, agents)
    },

    /** Takes in what was committed. */
    changed: (agents: ReadonlyArray<Agent>) => {
      for (const agent of agents) {
        const subject = Subject.key(agent.subject)
        reading.delete(subject)
        const roster = rosters.get(subject)
        if (roster === undefined) continue
        if (isLive(agent.status)) {
          roster.set(agent.id, agent)
          subjects.set(agent.id, subject)
        } else {
          roster.delete(agent.id)
          subjects.delete(agent.id)
        }
      }
    },

    /** For when it is not certain what was committed. */
    clear: () => {
      rosters.clear()
      subjects.clear()
      reading.clear()
    }
  }
}

export type RecentAgents = ReturnType<typeof recentAgents>
