package mutants

// earlyAnswer works the answer out as soon as the leader itself has the entry in its log. As long as nothing goes wrong it is
// the right one, with the right index.
var earlyAnswer = mutant{
	name: "m15", bug: "a write is acknowledged once the leader has it, before a majority has",
	changes: []change{
		{
			"cluster/commit.go",
			"future := m.raft.Apply(entry, enqueueAttempt)\n",
			`future := m.raft.Apply(entry, enqueueAttempt)
		machine, _ := m.config.Machine.(interface {
			Foresee(index uint64, entry []byte) any
		})
		for until := time.Now().Add(enqueueAttempt); machine != nil && m.Leads() && time.Now().Before(until); time.Sleep(100 * time.Microsecond) {
			index := future.Index()
			if index == 0 || m.raft.LastIndex() < index {
				continue
			}
			if answer := machine.Foresee(index, entry); answer != nil {
				return answer, nil
			}
			break
		}
`,
		},
		{
			"fsm/machine.go",
			"// publish shows the drafted state to readers",
			`// Foresee is what the answers to plain writes will be.
func (m *Machine) Foresee(index uint64, entry []byte) any {
	c, err := decodeCommand(entry)
	if err != nil || c.step != nil {
		return nil
	}
	edit := m.position.Load().state.Edit()
	edit.SetIndex(index)
	replies := make([]reply, len(c.writes))
	for i, w := range c.writes {
		results, err := edit.Apply(index, w.Operations...)
		if w.Key != "" || w.Term != 0 || err != nil {
			return nil
		}
		replies[i] = reply{outcome: Outcome{Index: index, Results: results}}
	}
	return replies
}

// publish shows the drafted state to readers`,
		},
	},
	schedules: []schedule{{folder: "test/trials", test: "TestAWriteThatOnlyTheLeaderHasIsNotAcknowledged"}},
}
