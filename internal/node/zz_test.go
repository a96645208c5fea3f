package node
import ("testing";"time";"context";"path/filepath";"log/slog";"github.com/musterhq/muster/registry";"github.com/musterhq/muster/store";"github.com/musterhq/muster/internal/boltfile";"os")
func TestZZ(t *testing.T){
	config := Config{ID: "n1", DataDir: filepath.Join(t.TempDir(), "data"), HTTPAddr: "127.0.0.1:0", PeerAddr: "127.0.0.1:0", GossipAddr: "127.0.0.1:0", SnapshotThreshold: 100, Logger: slog.New(slog.DiscardHandler)}
	ctx:=context.Background()
	n,err:=Start(ctx,config); if err!=nil{t.Fatal(err)}
	for n.Ready()!=nil{time.Sleep(time.Millisecond)}
	for first := 0; first < manyInstances; first += batch {
		ops := make([]registry.Operation, batch)
		for k := range batch { ops[k] = registry.Register{Instance: instanceNumber(first + k)} }
		if _, err := n.Submit(ctx, ops...); err != nil { t.Fatal(err) }
	}
	for range 3000 { i:=instanceNumber(1); i.Port++; n.Submit(ctx, registry.Register{Instance:i}); n.Submit(ctx, registry.Register{Instance:instanceNumber(1)})}
	time.Sleep(3*time.Second)
	n.Close(ctx)
	for range 4 {
	t0:=time.Now()
	n,err=Start(ctx,config); if err!=nil{t.Fatal(err)}
	t1:=time.Now()
	for n.Ready()!=nil{time.Sleep(time.Millisecond)}
	t2:=time.Now()
	n.Close(ctx)
	f,_:=os.Open(config.DataDir+"/state.db"); fi,_:=f.Stat(); 
	t3:=time.Now(); boltfile.Check(f,fi.Size()); t4:=time.Now()
	c,_:=store.Open(config.DataDir+"/state.db"); t5:=time.Now(); c.Load(); t6:=time.Now(); c.Close()
	f,_=os.Open(config.DataDir+"/raft/raft.db"); ri,_:=f.Stat(); t7:=time.Now(); boltfile.Check(f,ri.Size()); t8:=time.Now()
	t.Log("start",t1.Sub(t0),"ready",t2.Sub(t1),"check state",t4.Sub(t3),fi.Size()>>20,"load",t6.Sub(t5),"check raft",t8.Sub(t7),ri.Size()>>20)
	}
}
