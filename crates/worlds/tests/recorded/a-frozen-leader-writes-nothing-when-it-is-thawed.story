Seed 1
1. 0.000 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.000 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 0.010 s: The next 18446744073709551615 calls of the cloud meet Delay { milliseconds: 100 }.	{"fault":{"calls":{"count":18446744073709551615,"effect":{"delay":{"milliseconds":100}}}}}
4. 6.010 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
5. 9.380 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
6. 16.190 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
7. 36.980 s: A user applies the Deployment web with 5 replicas.	{"workload":{"name":"web","app":"web","replicas":5,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
8. 44.360 s: Replica 1 stands still for 3 s.	{"fault":{"freeze":[1,3]}}
9. 76.710 s: A user scales the Deployment web to 6.	{"scale":["web",6]}
10. 87.440 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
11. 124.220 s: Replica 0 stands still for 3 s.	{"fault":{"freeze":[0,3]}}
12. 157.090 s: A user scales the Deployment web to 3.	{"scale":["web",3]}
13. 167.420 s: A user applies the Deployment web with 5 replicas.	{"workload":{"name":"web","app":"web","replicas":5,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
14. 235.330 s: Replica 1 stands still for 4 s.	{"fault":{"freeze":[1,4]}}
15. 276.300 s: A user scales the Deployment web to 6.	{"scale":["web",6]}
16. 276.300 s: Calls of the cloud fail no more.	{"fault":"mended"}
