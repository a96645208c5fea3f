package registry

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// validate tells whether the definition of c keeps the rules. In stands before the names of the fields.
func (c *Check) validate(in string) error {
	return cmp.Or(
		c.validateType(in),
		validateText(in+"name", c.Name, 1, MaxCheckNameBytes),
		validateRange(in+"port", c.Port, 0, 65_535),
		validateSpan(in+"interval", c.Interval, Duration(MinCheckInterval), Duration(MaxCheckInterval)),
		c.validateTimeout(in),
		validateRange(in+"rise", c.Rise, 1, MaxCheckStreak),
		validateRange(in+"fall", c.Fall, 1, MaxCheckStreak),
		c.validateHTTP(in),
		c.validateGRPC(in),
		c.validateTLS(in),
	)
}

func (c *Check) validateType(in string) error {
	switch c.Type {
	case CheckHTTP, CheckTCP, CheckGRPC:
		return nil
	}
	return invalid(in+"type", "must be %q, %q or %q, not %q", CheckHTTP, CheckTCP, CheckGRPC, c.Type)
}

func (c *Check) validateTimeout(in string) error {
	if c.Timeout <= 0 {
		return invalid(in+"timeout", "must be more than 0, not %v", c.Timeout)
	}
	if c.Timeout > c.Interval {
		return invalid(in+"timeout", "must not be longer than the interval of %v, or checks would pile up: %v", c.Interval, c.Timeout)
	}
	if c.Timeout > Duration(MaxCheckTimeout) {
		return invalid(in+"timeout", "must be at most %v, since nobody waits longer for an answer, not %v", MaxCheckTimeout, c.Timeout)
	}
	return nil
}

func (c *Check) validateHTTP(in string) error {
	if c.Type != CheckHTTP {
		return cmp.Or(
			c.foreign(in, "path", c.Path != "", CheckHTTP),
			c.foreign(in, "method", c.Method != "", CheckHTTP),
			c.foreign(in, "headers", len(c.Headers) > 0, CheckHTTP),
			c.foreign(in, "expect_status", c.ExpectStatus != 0, CheckHTTP),
			c.foreign(in, "expect_body", c.ExpectBody != "", CheckHTTP),
		)
	}
	return cmp.Or(
		validatePath(in+"path", c.Path),
		validateMethod(in+"method", c.Method),
		validateHeaders(in+"headers", c.Headers),
		c.validateExpectStatus(in),
		validateBody(in+"expect_body", c.ExpectBody),
	)
}

func (c *Check) validateGRPC(in string) error {
	if c.Type != CheckGRPC {
		return c.foreign(in, "grpc_service", c.GRPCService != "", CheckGRPC)
	}
	return validateText(in+"grpc_service", c.GRPCService, 0, MaxGRPCServiceBytes)
}

func (c *Check) validateTLS(in string) error {
	if c.Type == CheckTCP && c.TLS {
		return invalid(in+"tls", "is for checks of type %q and %q only", CheckHTTP, CheckGRPC)
	}
	if c.TLSSkipVerify && !c.TLS {
		return invalid(in+"tls_skip_verify", "means nothing without tls")
	}
	return nil
}

// foreign refuses a field that is for checks of another type: left alone, it would look as if it did something.
func (c *Check) foreign(in, field string, set bool, of CheckType) error {
	if !set {
		return nil
	}
	return invalid(in+field, "is for checks of type %q only; this one is %q", of, c.Type)
}

func (c *Check) validateExpectStatus(in string) error {
	if c.ExpectStatus == 0 {
		return nil
	}
	return validateRange(in+"expect_status", c.ExpectStatus, 100, 599)
}

func validatePath(field, s string) error {
	if err := validateText(field, s, 1, MaxCheckPathBytes); err != nil {
		return err
	}
	if _, err := url.ParseRequestURI(s); err != nil || s[0] != '/' || strings.ContainsAny(s, " #") {
		return invalid(field, `must be a path such as "/health?deep=1", percent-encoded where needed, not %q`, s)
	}
	return nil
}

// validateMethod allows what a probe may sensibly do to an instance.
func validateMethod(field, s string) error {
	switch s {
	case "GET", "HEAD", "OPTIONS", "POST", "PUT":
		return nil
	}
	return invalid(field, "must be GET, HEAD, OPTIONS, POST or PUT, not %q", s)
}

func validateHeaders(field string, headers map[string]string) error {
	if err := validateCount(field, len(headers), MaxHeaders, "headers"); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if name == "" || len(name) > MaxHeaderNameBytes || strings.ContainsFunc(name, notHeaderRune) {
			return invalid(field, "%q is not the name of a header of at most %d bytes", name, MaxHeaderNameBytes)
		}
		if reason := WithheldHeader(name); reason != "" {
			return invalid(field, "%q is never sent: %s", name, reason)
		}
		if err := validateText(fmt.Sprintf("%s[%q]", field, name), headers[name], 0, MaxHeaderValueBytes); err != nil {
			return err
		}
	}
	return nil
}

// notHeaderRune tells what cannot stand in the name of a header, which is a token of RFC 9110.
func notHeaderRune(r rune) bool {
	return !alphanumeric(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// validateBody allows any text, for it is only ever compared.
func validateBody(field, s string) error {
	if len(s) > MaxExpectBodyBytes {
		return tooLong(field, len(s), MaxExpectBodyBytes)
	}
	if !utf8.ValidString(s) {
		return invalid(field, "is not valid UTF-8")
	}
	return nil
}
