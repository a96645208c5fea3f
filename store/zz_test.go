package store
import ("testing";"time";"syscall";"fmt")
func TestZZ(t *testing.T){
	path:=newPath(t); c,_:=Open(path); loaded(t,c); mustSave(t,c,imageOf(populated(many))); c.Close()
	for range 15 {
		var a,b syscall.Rusage
		t0:=time.Now(); c,_:=Open(path); t1:=time.Now()
		syscall.Getrusage(syscall.RUSAGE_SELF,&a)
		loaded(t,c); t2:=time.Now()
		syscall.Getrusage(syscall.RUSAGE_SELF,&b)
		c.Close()
		cpu:=time.Duration(b.Utime.Nano()-a.Utime.Nano()+b.Stime.Nano()-a.Stime.Nano())
		fmt.Println("open",t1.Sub(t0),"load",t2.Sub(t1),"cpu",cpu)
	}
}
