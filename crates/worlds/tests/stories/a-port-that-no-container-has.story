Seed 407
1. 22.661 s: A user applies the Deployment old with 3 replicas.	{"workload":{"name":"old","app":"old","replicas":3,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":0,"gate":true,"broken":false,"otherGate":false}}
2. 22.661 s: A user applies the Service old.	{"service":{"name":"old","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":"metrics"}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
3. 22.661 s: A user applies the DirectAccessBinding old.	{"binding":{"name":"old","spec":{"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"old"}}}}
