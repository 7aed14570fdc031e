Seed 13250
1. 0.693 s: A user applies the Deployment api with 4 replicas.	{"workload":{"name":"api","app":"api","replicas":4,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":0,"gate":true,"broken":false}}
2. 0.718 s: A user applies the StatefulSet old with 2 replicas.	{"workload":{"kind":"statefulSet","name":"old","app":"old","replicas":2,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false}}
3. 0.718 s: A user applies the Service old.	{"service":{"name":"old","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
4. 0.718 s: A user applies the DirectAccessBinding old.	{"binding":{"name":"old","spec":{"drain":{"terminating":"Deregister"},"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"old"}}}}
5. 284.146 s: Nothing is heard of node 24 for 120 s, while its Pods serve on.	{"fault":{"node":{"node":24,"seconds":120,"serves":true}}}
6. 284.231 s: A user scales old to 0.	{"scale":["old",0]}
