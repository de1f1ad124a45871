package sampleapi

import "slices"

// Organization has projects.
type Organization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Project is what people choose.
type Project struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Organization string `json:"organization"`
}

// Cluster belongs to a project.
type Cluster struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Project string `json:"project"`
	Region  string `json:"region"`
}

// Data is everything the API keeps. It is the same for everybody: whom things belong to is not what the sample is about.
type Data struct {
	Organizations []Organization
	Projects      []Project
	Clusters      []Cluster
}

// Sample is enough data to see what a choice does.
func Sample() Data {
	return Data{
		Organizations: []Organization{{"org-acme", "Acme"}, {"org-beta", "Beta Laboratories"}},
		Projects: []Project{
			{"proj-shop", "Web shop", "org-acme"}, {"proj-blog", "Company blog", "org-acme"}, {"proj-reports", "Reports", "org-acme"},
			{"proj-lab", "Lab", "org-beta"}, {"proj-archive", "Archive", "org-beta"},
		},
		Clusters: []Cluster{
			{"cl-1", "shop-production", "proj-shop", "eu-west"}, {"cl-2", "shop-staging", "proj-shop", "eu-west"},
			{"cl-3", "blog", "proj-blog", "us-east"}, {"cl-4", "reports", "proj-reports", "eu-west"},
			{"cl-5", "lab", "proj-lab", "ap-south"}, {"cl-6", "archive", "proj-archive", "eu-west"},
		},
	}
}

// choice is one entry of what there is to choose.
type choice struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Parent string `json:"parent,omitempty"`
}

// choices are the projects below their organizations. An organization without projects is left out: there is nothing in it to
// choose.
func (d Data) choices() []choice {
	out := []choice{}
	for _, o := range d.Organizations {
		var below []choice
		for _, p := range d.Projects {
			if p.Organization == o.ID {
				below = append(below, choice{ID: p.ID, Title: p.Name, Parent: o.ID})
			}
		}
		if len(below) > 0 {
			out = append(append(out, choice{ID: o.ID, Title: o.Name}), below...)
		}
	}
	return out
}

// only is the part of the data that belongs to the projects.
func (d Data) only(projects []string) Data {
	out := Data{Organizations: []Organization{}, Projects: []Project{}, Clusters: []Cluster{}}
	organizations := map[string]bool{}
	for _, p := range d.Projects {
		if slices.Contains(projects, p.ID) {
			out.Projects = append(out.Projects, p)
			organizations[p.Organization] = true
		}
	}
	for _, o := range d.Organizations {
		if organizations[o.ID] {
			out.Organizations = append(out.Organizations, o)
		}
	}
	for _, c := range d.Clusters {
		if slices.Contains(projects, c.Project) {
			out.Clusters = append(out.Clusters, c)
		}
	}
	return out
}
