package record

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/registry"
)

// The kinds of operations. Unlike a field, a kind that a reader does not know is an error: to skip an operation that
// others apply would be to diverge from them.
const (
	operationRegister    protowire.Number = 1
	operationDeregister  protowire.Number = 2
	operationHealth      protowire.Number = 3
	operationMaintenance protowire.Number = 4
	operationExpire      protowire.Number = 5
	operationRevive      protowire.Number = 6
	operationReap        protowire.Number = 7
	operationJudge       protowire.Number = 8
)

const (
	registerInstance protowire.Number = 1 // an instance
	registerIf       protowire.Number = 2 // a precondition
)

// The other operations begin with their target.
const (
	targetService protowire.Number = 1
	targetID      protowire.Number = 2

	deregisterIf     protowire.Number = 3 // a precondition
	healthCheck      protowire.Number = 3
	healthReport     protowire.Number = 4 // a report
	maintenanceToSet protowire.Number = 3 // a maintenance
	leaseIndex       protowire.Number = 3
	leaseCause       protowire.Number = 4 // a cause
	judgeIncarnation protowire.Number = 3
	judgeCheck       protowire.Number = 4
	judgeReport      protowire.Number = 5 // a report
	judgePreserved   protowire.Number = 6
	judgeSilent      protowire.Number = 7
	judgeCause       protowire.Number = 8 // a cause
)

const (
	preconditionMatch  protowire.Number = 1
	preconditionAbsent protowire.Number = 2
)

// AppendOperation appends the bytes of op to b and returns the result.
func AppendOperation(b []byte, op registry.Operation) []byte {
	switch op := op.(type) {
	case registry.Register:
		return appendMessage(b, operationRegister, func(b []byte) []byte {
			b = appendMessage(b, registerInstance, func(b []byte) []byte { return Append(b, &op.Instance) })
			return appendPrecondition(b, registerIf, op.If)
		})
	case registry.Deregister:
		return appendMessage(b, operationDeregister, func(b []byte) []byte {
			return appendPrecondition(appendTarget(b, op), deregisterIf, op.If)
		})
	case registry.ReportHealth:
		return appendMessage(b, operationHealth, func(b []byte) []byte {
			b = appendText(appendTarget(b, op), healthCheck, op.Check)
			return appendMessage(b, healthReport, func(b []byte) []byte { return appendReport(b, op.Report) })
		})
	case registry.SetMaintenance:
		return appendMessage(b, operationMaintenance, func(b []byte) []byte {
			return appendMessage(appendTarget(b, op), maintenanceToSet, func(b []byte) []byte {
				return appendMaintenance(b, op.Maintenance)
			})
		})
	case registry.ExpireLease:
		return appendLeaseOperation(b, operationExpire, op.LeaseName, op.Cause)
	case registry.ReviveLease:
		return appendLeaseOperation(b, operationRevive, op.LeaseName, op.Cause)
	case registry.ReapInstance:
		return appendLeaseOperation(b, operationReap, op.LeaseName, op.Cause)
	case registry.JudgeCheck:
		return appendMessage(b, operationJudge, func(b []byte) []byte { return appendJudgement(b, op) })
	default:
		panic(fmt.Sprintf("record: there is no encoding for the operation %T", op))
	}
}

func appendLeaseOperation(b []byte, kind protowire.Number, l registry.LeaseName, c registry.Cause) []byte {
	return appendMessage(b, kind, func(b []byte) []byte {
		b = appendText(appendText(b, targetService, l.Service), targetID, l.ID)
		b = appendNumber(b, leaseIndex, l.Index)
		return appendMessage(b, leaseCause, func(b []byte) []byte { return appendCause(b, c) })
	})
}

func appendJudgement(b []byte, j registry.JudgeCheck) []byte {
	b = appendNumber(appendTarget(b, j), judgeIncarnation, j.Incarnation)
	b = appendText(b, judgeCheck, j.Check)
	b = appendMessage(b, judgeReport, func(b []byte) []byte { return appendReport(b, j.Report) })
	b = appendBool(b, judgePreserved, j.Preserved)
	b = appendBool(b, judgeSilent, j.Silent)
	return appendMessage(b, judgeCause, func(b []byte) []byte { return appendCause(b, j.Cause) })
}

func appendTarget(b []byte, op registry.Operation) []byte {
	service, id := op.Target()
	return appendText(appendText(b, targetService, service), targetID, id)
}

func appendPrecondition(b []byte, num protowire.Number, p registry.Precondition) []byte {
	if p == (registry.Precondition{}) {
		return b
	}
	return appendMessage(b, num, func(b []byte) []byte {
		return appendBool(appendNumber(b, preconditionMatch, p.Match), preconditionAbsent, p.Absent)
	})
}

// DecodeOperation reads what [AppendOperation] wrote. Bytes that are no operation, or one of a kind that this version
// does not know, give an [ErrDamaged] that says where.
func DecodeOperation(b []byte) (registry.Operation, error) {
	var op registry.Operation
	err := wholeRecord(b).each(func(f field) (err error) {
		switch f.num {
		case operationRegister:
			op, err = decodeRegister(f)
		case operationDeregister:
			op, err = decodeDeregister(f)
		case operationHealth:
			op, err = decodeHealth(f)
		case operationMaintenance:
			op, err = decodeSetMaintenance(f)
		case operationExpire:
			var l registry.ExpireLease
			err = decodeLeaseOperation(f, &l.LeaseName, &l.Cause)
			op = l
		case operationRevive:
			var l registry.ReviveLease
			err = decodeLeaseOperation(f, &l.LeaseName, &l.Cause)
			op = l
		case operationReap:
			var l registry.ReapInstance
			err = decodeLeaseOperation(f, &l.LeaseName, &l.Cause)
			op = l
		case operationJudge:
			op, err = decodeJudgement(f)
		default:
			err = fmt.Errorf("byte %d: an operation of the unknown kind %d", f.at, f.num)
		}
		return err
	})
	if err == nil && op == nil {
		err = fmt.Errorf("there is no operation in it")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return op, nil
}

func decodeRegister(f field) (op registry.Register, err error) {
	err = f.message("register", func(m message) error {
		return m.each(func(f field) error {
			switch f.num {
			case registerInstance:
				return f.message("instance", func(m message) error { return decodeInstance(m, &op.Instance) })
			case registerIf:
				return decodePrecondition(f, &op.If)
			}
			return nil
		})
	})
	return op, err
}

func decodeDeregister(f field) (op registry.Deregister, err error) {
	err = f.message("deregister", func(m message) error {
		return m.each(func(f field) error {
			if f.num == deregisterIf {
				return decodePrecondition(f, &op.If)
			}
			return decodeTarget(f, &op.Service, &op.ID)
		})
	})
	return op, err
}

func decodeHealth(f field) (op registry.ReportHealth, err error) {
	err = f.message("health", func(m message) error {
		return m.each(func(f field) error {
			switch f.num {
			case healthCheck:
				return decodeText(f, "check", &op.Check)
			case healthReport:
				return f.message("report", func(m message) error { return decodeReport(m, &op.Report) })
			}
			return decodeTarget(f, &op.Service, &op.ID)
		})
	})
	return op, err
}

func decodeSetMaintenance(f field) (op registry.SetMaintenance, err error) {
	err = f.message("maintenance", func(m message) error {
		return m.each(func(f field) error {
			if f.num == maintenanceToSet {
				return f.message("maintenance", func(m message) error { return decodeMaintenance(m, &op.Maintenance) })
			}
			return decodeTarget(f, &op.Service, &op.ID)
		})
	})
	return op, err
}

func decodeLeaseOperation(f field, l *registry.LeaseName, c *registry.Cause) error {
	return f.message("lease", func(m message) error {
		return m.each(func(f field) error {
			switch f.num {
			case leaseIndex:
				return decodeNumber(f, "lease_index", &l.Index)
			case leaseCause:
				return f.message("cause", func(m message) error { return decodeCause(m, c) })
			}
			return decodeTarget(f, &l.Service, &l.ID)
		})
	})
}

func decodeJudgement(f field) (j registry.JudgeCheck, err error) {
	err = f.message("judgement", func(m message) error {
		return m.each(func(f field) error {
			switch f.num {
			case judgeIncarnation:
				return decodeNumber(f, "incarnation", &j.Incarnation)
			case judgeCheck:
				return decodeText(f, "check", &j.Check)
			case judgeReport:
				return f.message("report", func(m message) error { return decodeReport(m, &j.Report) })
			case judgePreserved:
				return f.bool("preserved", &j.Preserved)
			case judgeSilent:
				return f.bool("silent", &j.Silent)
			case judgeCause:
				return f.message("cause", func(m message) error { return decodeCause(m, &j.Cause) })
			}
			return decodeTarget(f, &j.Service, &j.ID)
		})
	})
	return j, err
}

func decodeTarget(f field, service, id *string) error {
	switch f.num {
	case targetService:
		return decodeText(f, "service", service)
	case targetID:
		return decodeText(f, "id", id)
	}
	return nil
}

func decodePrecondition(f field, p *registry.Precondition) error {
	return f.message("if", func(m message) error {
		return m.each(func(f field) error {
			switch f.num {
			case preconditionMatch:
				return decodeNumber(f, "match", &p.Match)
			case preconditionAbsent:
				return f.bool("absent", &p.Absent)
			}
			return nil
		})
	})
}
