Seed 404
1. 0.000 s: The cloud is like this: Departs(TagsHidden).	{"dialect":{"departs":"tags-hidden"}}
2. 0.709 s: A user applies the Deployment api with 1 replicas.	{"workload":{"name":"api","app":"api","replicas":1,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false}}
3. 0.709 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
4. 0.709 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"listeners":[{"port":8443,"protocol":"TCP","servicePort":"missing"},{"port":9000,"protocol":"TCP","servicePort":"http"}],"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"api"}}}}
5. 319.227 s: Somebody deletes the Lease.	{"fault":"deleteLease"}
