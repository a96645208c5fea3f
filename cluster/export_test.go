package cluster

// Vow has the data directory promise itself to a cluster, durably, as forming one does.
func Vow(dir, clusterID string) error {
	id, err := openIdentity(dir, func(error) {})
	if err != nil {
		return err
	}
	return id.promise(promise{ClusterID: clusterID})
}

// Vowed is the cluster that the data directory has promised itself to.
func Vowed(dir string) (clusterID string, err error) {
	id, err := openIdentity(dir, func(error) {})
	if err != nil {
		return "", err
	}
	return id.clusterID(), nil
}
