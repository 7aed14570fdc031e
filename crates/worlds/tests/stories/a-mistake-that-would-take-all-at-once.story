# The controller of another readiness gate takes all Pods of seven bindings out at once. Five of them may lose most of their targets; then
# removals are held, until a user says that they go on.
Seed 1
1. 0.500 s: A user applies the Deployment one with 2 replicas.	{"workload":{"name":"one","app":"one","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
2. 0.600 s: A user applies the Service one.	{"service":{"name":"one","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"one"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.700 s: A user applies the DirectAccessBinding one.	{"binding":{"name":"one","spec":{"serviceRef":{"name":"one"},"loadBalancer":{"id":"lb-two"}}}}
4. 1.500 s: A user applies the Deployment two with 2 replicas.	{"workload":{"name":"two","app":"two","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
5. 1.600 s: A user applies the Service two.	{"service":{"name":"two","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"two"},"ports":[{"name":"http","port":81,"protocol":"TCP","targetPort":8080}]}}}
6. 1.700 s: A user applies the DirectAccessBinding two.	{"binding":{"name":"two","spec":{"serviceRef":{"name":"two"},"loadBalancer":{"id":"lb-one"}}}}
7. 2.500 s: A user applies the Deployment three with 2 replicas.	{"workload":{"name":"three","app":"three","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
8. 2.600 s: A user applies the Service three.	{"service":{"name":"three","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"three"},"ports":[{"name":"http","port":82,"protocol":"TCP","targetPort":8080}]}}}
9. 2.700 s: A user applies the DirectAccessBinding three.	{"binding":{"name":"three","spec":{"serviceRef":{"name":"three"},"loadBalancer":{"id":"lb-two"}}}}
10. 3.500 s: A user applies the Deployment four with 2 replicas.	{"workload":{"name":"four","app":"four","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
11. 3.600 s: A user applies the Service four.	{"service":{"name":"four","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"four"},"ports":[{"name":"http","port":83,"protocol":"TCP","targetPort":8080}]}}}
12. 3.700 s: A user applies the DirectAccessBinding four.	{"binding":{"name":"four","spec":{"serviceRef":{"name":"four"},"loadBalancer":{"id":"lb-one"}}}}
13. 4.500 s: A user applies the Deployment five with 2 replicas.	{"workload":{"name":"five","app":"five","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
14. 4.600 s: A user applies the Service five.	{"service":{"name":"five","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"five"},"ports":[{"name":"http","port":84,"protocol":"TCP","targetPort":8080}]}}}
15. 4.700 s: A user applies the DirectAccessBinding five.	{"binding":{"name":"five","spec":{"serviceRef":{"name":"five"},"loadBalancer":{"id":"lb-two"}}}}
16. 5.500 s: A user applies the Deployment six with 2 replicas.	{"workload":{"name":"six","app":"six","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
17. 5.600 s: A user applies the Service six.	{"service":{"name":"six","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"six"},"ports":[{"name":"http","port":85,"protocol":"TCP","targetPort":8080}]}}}
18. 5.700 s: A user applies the DirectAccessBinding six.	{"binding":{"name":"six","spec":{"serviceRef":{"name":"six"},"loadBalancer":{"id":"lb-one"}}}}
19. 6.500 s: A user applies the Deployment seven with 2 replicas.	{"workload":{"name":"seven","app":"seven","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
20. 6.600 s: A user applies the Service seven.	{"service":{"name":"seven","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"seven"},"ports":[{"name":"http","port":86,"protocol":"TCP","targetPort":8080}]}}}
21. 6.700 s: A user applies the DirectAccessBinding seven.	{"binding":{"name":"seven","spec":{"serviceRef":{"name":"seven"},"loadBalancer":{"id":"lb-two"}}}}
22. 200.000 s: Somebody else takes Pod 0 out for 600 s.	{"takeOut":[0,600]}
23. 200.000 s: Somebody else takes Pod 1 out for 600 s.	{"takeOut":[1,600]}
24. 200.000 s: Somebody else takes Pod 2 out for 600 s.	{"takeOut":[2,600]}
25. 200.000 s: Somebody else takes Pod 3 out for 600 s.	{"takeOut":[3,600]}
26. 200.000 s: Somebody else takes Pod 4 out for 600 s.	{"takeOut":[4,600]}
27. 200.000 s: Somebody else takes Pod 5 out for 600 s.	{"takeOut":[5,600]}
28. 200.000 s: Somebody else takes Pod 6 out for 600 s.	{"takeOut":[6,600]}
29. 200.000 s: Somebody else takes Pod 7 out for 600 s.	{"takeOut":[7,600]}
30. 200.000 s: Somebody else takes Pod 8 out for 600 s.	{"takeOut":[8,600]}
31. 200.000 s: Somebody else takes Pod 9 out for 600 s.	{"takeOut":[9,600]}
32. 200.000 s: Somebody else takes Pod 10 out for 600 s.	{"takeOut":[10,600]}
33. 200.000 s: Somebody else takes Pod 11 out for 600 s.	{"takeOut":[11,600]}
34. 200.000 s: Somebody else takes Pod 12 out for 600 s.	{"takeOut":[12,600]}
35. 200.000 s: Somebody else takes Pod 13 out for 600 s.	{"takeOut":[13,600]}
36. 400.000 s: A user says "false" of removals in the controller's ConfigMap.	{"hold":"false"}
