package http

import (
	nethttp "net/http"
	"net/url"

	"github.com/gorilla/mux"

	"github.com/musterhq/muster/registry"
)

// serviceName is the service that the path names.
func serviceName(r *nethttp.Request) (string, error) { return pathName(r, "service") }

// instanceName is the instance that the path names.
func instanceName(r *nethttp.Request) (service, id string, err error) {
	if service, err = pathName(r, "service"); err != nil {
		return "", "", err
	}
	id, err = pathName(r, "id")
	return service, id, err
}

// pathName decodes one variable of the path, once: what is still encoded afterwards is no name. Everything that a path
// could smuggle in, such as "..", a NUL or a second encoding, ends here, since a name holds none of it.
func pathName(r *nethttp.Request, variable string) (string, error) {
	raw := mux.Vars(r)[variable]
	name, err := url.PathUnescape(raw)
	if err != nil || !registry.ValidName(name) {
		return "", invalid(variable, `%q is no name: 1 to %d of "A-Z a-z 0-9 . _ : -", not starting with a dot, with "/" as %%2F`,
			raw, registry.MaxNameBytes)
	}
	return name, nil
}
