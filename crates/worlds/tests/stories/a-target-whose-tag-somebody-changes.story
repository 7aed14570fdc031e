# What carries somebody else's tag is somebody else's: it stays as it is, and the binding says that its address is in use. One whose tag is cleared serves for the Pod at its address.
Seed 1
1. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.700 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.900 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 180.000 s: Somebody gives target 0 the tag "mine".	{"console":{"retag":[0,"mine"]}}
5. 260.000 s: Somebody gives target 1 the tag "".	{"console":{"retag":[1,""]}}
6. 360.000 s: A user rolls out a new version of web.	{"rollout":"web"}
