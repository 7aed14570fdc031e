Seed 1
1. 1.000 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":20,"preStop":2,"gate":true,"broken":false}}
2. 41.000 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 81.000 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 121.000 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"},"drain":{"timeoutSeconds":60}}}}
5. 161.000 s: A user scales the Deployment web to 3.	{"scale":["web",3]}
6. 201.000 s: A user scales the Deployment web to 8.	{"scale":["web",8]}
7. 201.200 s: A user scales the Deployment web to 3.	{"scale":["web",3]}
8. 241.200 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
9. 281.200 s: Pod 1 is deleted.	{"deletePod":1}
10. 321.200 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
11. 361.200 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
12. 401.200 s: A user deletes the Service web.	{"deleteService":"web"}
13. 441.200 s: A user deletes the Deployment web.	{"deleteWorkload":"web"}
